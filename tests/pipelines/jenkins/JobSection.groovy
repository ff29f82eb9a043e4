/**
 * A section of a Job DSL script.
 *
 * It takes the calls that the Job DSL has for it (https://jenkinsci.github.io/job-dsl-plugin/); others fail.
 */
class JobSection {

    private static final Map<String, List<String>> SECTIONS = [
        multibranchPipelineJob: ['description', 'displayName', 'branchSources', 'factory', 'orphanedItemStrategy',
                                 'triggers'],
        branchSources: ['git', 'github'],
        git: ['id', 'remote', 'credentialsId', 'includes', 'excludes'],
        github: ['id', 'repoOwner', 'repository', 'scanCredentialsId', 'includes', 'excludes', 'buildOriginBranch',
                 'buildOriginPRMerge', 'buildForkPRMerge', 'buildForkPRHead'],
        factory: ['workflowBranchProjectFactory'],
        workflowBranchProjectFactory: ['scriptPath'],
        orphanedItemStrategy: ['discardOldItems'],
        discardOldItems: ['daysToKeep', 'numToKeep'],
        triggers: ['periodicFolderTrigger'],
        periodicFolderTrigger: ['interval'],
    ].asImmutable()

    private final String kind
    private final Map found = [:]

    private JobSection(String kind) {
        this.kind = kind
    }

    /** What a section says: from each call to its argument, or to what the section inside says. */
    static Map of(String kind, Closure body) {
        JobSection section = new JobSection(kind)
        Closure copy = (Closure) body.clone()
        copy.delegate = section
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        copy()
        section.found
    }

    def methodMissing(String name, Object arguments) {
        if (!(name in SECTIONS[kind])) {
            throw new MissingMethodException(name, JobSection, arguments as Object[])
        }
        def value = arguments[0]
        found[name] = value instanceof Closure ? of(name, value) : value
    }

}
