import groovy.io.FileType
import java.nio.file.FileSystems
import java.nio.file.PathMatcher
import java.util.concurrent.TimeUnit

/**
 * The steps that our pipelines use, each as https://www.jenkins.io/doc/pipeline/steps/ tells it.
 *
 * `sh` really runs. A step that is not here does not exist.
 */
class Steps {

    static final List<String> NAMES = [
        'archiveArtifacts', 'catchError', 'checkout', 'cleanWs', 'deleteDir', 'dir', 'echo', 'error', 'fileExists',
        'input', 'junit', 'lock', 'readFile', 'retry', 'script', 'sh', 'string', 'timeout', 'unstable',
        'usernamePassword', 'withCredentials', 'withEnv', 'writeFile',
    ].asImmutable()

    private final Build build
    private final Closure run

    /** @param run runs a block of steps and returns what it returned */
    Steps(Build build, Closure run) {
        this.build = build
        this.run = run
    }

    def call(String name, List arguments) {
        if (!(name in NAMES)) {
            throw new Abort("No such DSL method '${name}' found among steps")
        }
        build.checkTime()
        Closure body = arguments && arguments[-1] instanceof Closure ? arguments[-1] : null
        Map named = arguments && arguments[0] instanceof Map ? arguments[0] : [:]
        def plain = arguments.find { !(it instanceof Map) && !(it instanceof Closure) }
        build.steps << name
        this."${name}Step"(named, plain, body)
    }

    private shStep(Map named, plain, Closure body) {
        String script = named.script ?: plain
        File scratch = new File("${build.workspace.path}@tmp")
        scratch.mkdirs()
        File file = File.createTempFile('script', '.sh', scratch)
        file.text = script
        // Jenkins shows every command, and keeps the script itself out of the list of processes.
        ProcessBuilder builder = new ProcessBuilder('sh', '-xe', file.path).directory(build.directory())
        Map<String, String> variables = builder.environment()
        build.environment().each { name, value -> variables[name] = value ?: '' }
        File output = named.returnStdout ? File.createTempFile('output', '', scratch) : null
        if (output) {
            builder.redirectOutput(output)
        } else {
            builder.redirectErrorStream(true)
        }
        int code = await(builder.start(), output != null)
        String printed = output?.text
        [file, output].findAll()*.delete()
        if (named.returnStatus) {
            return code
        }
        if (code != 0) {
            throw new Abort("script returned exit code ${code}")
        }
        printed
    }

    private int await(Process process, boolean onlyErrors) {
        process.outputStream.close()
        Thread reader = Thread.start {
            (onlyErrors ? process.errorStream : process.inputStream).eachLine { build.say(it) }
        }
        Long left = build.left()
        boolean ended = left == null ? process.waitFor() >= 0 : process.waitFor(left, TimeUnit.MILLISECONDS)
        if (!ended) {
            process.descendants().forEach { it.destroy() }
            process.destroy()
            process.waitFor()
        }
        reader.join()
        if (!ended) {
            throw new Abort('Timeout has been exceeded', 'ABORTED')
        }
        process.exitValue()
    }

    private echoStep(Map named, plain, Closure body) {
        build.say((named.message ?: plain) as String)
    }

    private errorStep(Map named, plain, Closure body) {
        throw new Abort((named.message ?: plain) as String)
    }

    private unstableStep(Map named, plain, Closure body) {
        echoStep(named, plain, body)
        build.worsen('UNSTABLE')
    }

    private scriptStep(Map named, plain, Closure body) {
        run(body)
    }

    private dirStep(Map named, plain, Closure body) {
        build.inside((named.path ?: plain) as String) { run(body) }
    }

    private withEnvStep(Map named, plain, Closure body) {
        build.within(plain.collectEntries { (it as String).split('=', 2) as List }) { run(body) }
    }

    private stringStep(Map named, plain, Closure body) {
        [(named.variable): { Map into -> into[named.variable] = build.secret(build.credential(named.credentialsId)) }]
    }

    private usernamePasswordStep(Map named, plain, Closure body) {
        [(named.usernameVariable): { Map into ->
            Map found = build.credential(named.credentialsId)
            into[named.usernameVariable] = found.username
            into[named.passwordVariable] = build.secret(found.password)
        }]
    }

    private withCredentialsStep(Map named, plain, Closure body) {
        Map variables = [:]
        plain.each { binding -> binding.values().each { it(variables) } }
        build.within(variables) { run(body) }
    }

    private retryStep(Map named, plain, Closure body) {
        int times = (named.count ?: plain) as int
        for (int attempt = 1; ; attempt++) {
            try {
                return run(body)
            } catch (Abort problem) {
                if (attempt >= times || problem.result == 'ABORTED') {
                    throw problem
                }
                build.say("${problem.message}; retrying")
            }
        }
    }

    private timeoutStep(Map named, plain, Closure body) {
        TimeUnit unit = TimeUnit.valueOf((named.unit ?: 'MINUTES') as String)
        build.limited(unit.toMillis((named.time ?: plain) as long)) { run(body) }
    }

    private lockStep(Map named, plain, Closure body) {
        build.locks << ((named.resource ?: plain) as String)
        run(body)
    }

    private catchErrorStep(Map named, plain, Closure body) {
        try {
            run(body)
        } catch (Abort problem) {
            build.say(problem.message)
            build.worsen((named.buildResult ?: 'FAILURE') as String)
        }
    }

    private inputStep(Map named, plain, Closure body) {
        String message = named.message ?: plain
        String answer = build.inputs.find { message ==~ it.key }?.value
        build.say("${message} ${answer ?: 'nobody answers'}")
        if (answer != (named.ok ?: 'Proceed')) {
            throw new Abort("Rejected: ${message}", 'ABORTED')
        }
    }

    private archiveArtifactsStep(Map named, plain, Closure body) {
        String pattern = named.artifacts ?: plain
        List<File> found = matching(pattern)
        if (!found && !named.allowEmptyArchive) {
            throw new Abort("No artifacts found that match the file pattern \"${pattern}\". Configuration error?")
        }
        build.archived.addAll(found.collect { build.workspace.toPath().relativize(it.toPath()) as String })
    }

    private junitStep(Map named, plain, Closure body) {
        List<File> found = matching((named.testResults ?: plain) as String)
        if (!found && !named.allowEmptyResults) {
            throw new Abort('No test report files were found. Configuration error?')
        }
        Map<String, Integer> counts = [tests: 0, failures: 0]
        found.each { File file ->
            Node root = new XmlParser(false, false).parse(file)
            root.depthFirst().findAll { it.name() == 'testsuite' }.each { suite ->
                counts.tests += (suite.@tests ?: '0') as int
                counts.failures += ((suite.@failures ?: '0') as int) + ((suite.@errors ?: '0') as int)
            }
        }
        build.reports << counts
        build.say("${counts.tests} tests, ${counts.failures} failed")
        if (counts.failures) {
            build.worsen('UNSTABLE')
        }
    }

    private readFileStep(Map named, plain, Closure body) {
        new File(build.directory(), (named.file ?: plain) as String).getText('UTF-8')
    }

    private writeFileStep(Map named, plain, Closure body) {
        File file = new File(build.directory(), named.file as String)
        file.parentFile.mkdirs()
        file.setText(named.text as String, 'UTF-8')
    }

    private fileExistsStep(Map named, plain, Closure body) {
        new File(build.directory(), (named.file ?: plain) as String).exists()
    }

    /** The tests bring the workspace; what a build left there is looked at afterwards. */
    private checkoutStep(Map named, plain, Closure body) { }

    private cleanWsStep(Map named, plain, Closure body) { }

    private deleteDirStep(Map named, plain, Closure body) {
        build.directory().deleteDir()
    }

    private List<File> matching(String patterns) {
        List<PathMatcher> matchers = patterns.split(/\s*,\s*/).collectMany { pattern ->
            // `**/` matches no folder, too; Java's patterns want one.
            [pattern, pattern.replace('**/', '')].unique().collect { FileSystems.default.getPathMatcher("glob:${it}") }
        }
        List<File> found = []
        build.directory().eachFileRecurse(FileType.FILES) { file ->
            if (matchers.any { it.matches(build.directory().toPath().relativize(file.toPath())) }) {
                found << file
            }
        }
        found.sort()
    }

}
