/** One build: its result, its variables, its log in which no secret stands, and what it kept. */
class Build {

    private static final List<String> ORDER = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']

    final File workspace
    final Map<String, Object> credentials
    final Map<String, String> inputs
    final String previous
    final Map<String, String> stages = [:]
    final Map<String, Object> params = [:]
    final List<String> archived = []
    final List<Map> reports = []
    final List<String> locks = []
    final List<String> steps = []
    String result = 'SUCCESS'
    String stage = ''

    private final Map<String, String> common
    private final List<Map<String, String>> scopes = []
    private final List<File> folders = []
    private final List<Long> deadlines = []
    private final Set<String> secrets = []

    Build(Map settings) {
        workspace = new File((String) settings.workspace)
        credentials = settings.credentials ?: [:]
        inputs = settings.inputs ?: [:]
        previous = settings.previous ?: 'SUCCESS'
        common = [
            BUILD_NUMBER: '1', JOB_NAME: 'job', BUILD_TAG: 'jenkins-job-1', BRANCH_NAME: 'main', WORKSPACE: workspace.path,
        ] + (settings.env ?: [:])
        params.putAll(settings.params ?: [:])
    }

    /** The variables as a step sees them now. */
    Map<String, String> environment() {
        Map<String, String> all = new LinkedHashMap(common)
        params.each { name, value -> all.putIfAbsent(name, value as String) }
        scopes.each { all.putAll(it) }
        all
    }

    void set(String name, Object value) {
        (scopes ? scopes[-1] : common)[name] = value as String
    }

    /** Sets a variable for the whole build, as `env.NAME = value` does. */
    void keep(String name, Object value) {
        common[name] = value as String
    }

    def <T> T within(Map<String, String> variables, Closure<T> body) {
        scopes << new LinkedHashMap(variables)
        try {
            body()
        } finally {
            scopes.remove(scopes.size() - 1)
        }
    }

    def <T> T inside(String folder, Closure<T> body) {
        folders << new File(directory(), folder)
        directory().mkdirs()
        try {
            body()
        } finally {
            folders.remove(folders.size() - 1)
        }
    }

    /** Ends the body after so many milliseconds. */
    def <T> T limited(long milliseconds, Closure<T> body) {
        deadlines << System.currentTimeMillis() + milliseconds
        try {
            T answer = body()
            checkTime()
            answer
        } finally {
            deadlines.remove(deadlines.size() - 1)
        }
    }

    /** Milliseconds that are left; null where there is no limit. */
    Long left() {
        deadlines ? deadlines.min() - System.currentTimeMillis() : null
    }

    void checkTime() {
        if (left() != null && left() <= 0) {
            throw new Abort('Timeout has been exceeded', 'ABORTED')
        }
    }

    File directory() {
        folders ? folders[-1] : workspace
    }

    /** What Jenkins keeps under an id. */
    Object credential(String id) {
        if (!credentials.containsKey(id)) {
            throw new Abort("Could not find credentials entry with ID '${id}'")
        }
        credentials[id]
    }

    /** A text of which nothing may be seen from now on. */
    String secret(String text) {
        secrets << text
        text
    }

    void say(String text) {
        String shown = text
        secrets.findAll().sort { -it.size() }.each { shown = shown.replace(it, '****') }
        println "[${stage ?: 'pipeline'}] ${shown}"
        System.out.flush()
    }

    /** The build's result only becomes worse. */
    void worsen(String other) {
        result = worse(result, other)
    }

    static String worse(String one, String other) {
        ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one
    }

    Map report() {
        [result: result, stages: stages, archived: archived, reports: reports, locks: locks, steps: steps]
    }

}
