import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer

/** Runs a declarative pipeline. Branches of `parallel` run one after another. */
class Pipeline {

    private static final List<String> CONDITIONS = [
        'always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful',
        'cleanup',
    ].asImmutable()

    final Build build
    private final Steps steps
    private final File library
    private final GroovyShell shell
    private final Map<String, Script> loaded = [:]
    private boolean stopWhenUnstable = false

    Pipeline(Build build, File library) {
        this.build = build
        this.library = library
        steps = new Steps(build, { Closure body -> run(body) })
        CompilerConfiguration settings = new CompilerConfiguration(scriptBaseClass: JenkinsScript.name)
        settings.addCompilationCustomizers(
            new Declaration({ it in Steps.NAMES || variable(it).exists() }), new ImportCustomizer().addImports('Library'))
        Binding binding = new Binding(
            runner: this, env: new Variables(build), params: build.params, scm: [:], currentBuild: new Current(build))
        shell = new GroovyShell(Pipeline.classLoader, binding, settings)
    }

    /** Compiles a Jenkinsfile and the whole library. MultipleCompilationErrorsException says what is wrong. */
    Script parse(File file) {
        new File(library, 'vars').eachFileMatch(~/.*\.groovy/) { load(it.name - '.groovy') }
        shell.parse(file.text, "${file.parentFile.name}_${file.name}".replaceAll(/\W/, '_') + '.groovy')
    }

    def step(String name, List arguments) {
        variable(name).exists() ? load(name).invokeMethod('call', arguments as Object[]) : steps.call(name, arguments)
    }

    void pipeline(Script script, Closure body) {
        Block block = Block.of(script, body)
        parameters(script, block)
        List<Block.Call> options = optionsOf(script, block)
        stopWhenUnstable = options*.name.contains('skipStagesAfterUnstable')
        Abort problem = null
        build.within([:]) {
            try {
                environment(script, block)
                wrapped(options) { stages(script, block) }
            } catch (Abort found) {
                problem = found
                build.worsen(found.result)
            }
            build.stage = ''
            problem = post(script, block, build.result) ?: problem
        }
        if (problem) {
            build.say("ended: ${problem.message}")
        }
    }

    private void parameters(Script script, Block block) {
        Map declared = [:]
        block.nested(script, 'parameters').each { Block.Call call ->
            declared[call.named.name] = call.name == 'choice' ? call.named.choices[0] : call.named.defaultValue
        }
        Collection<String> unknown = build.params.keySet() - declared.keySet()
        if (unknown) {
            throw new Abort("no such parameters: ${unknown.join(', ')}")
        }
        declared.each { name, value -> build.params.putIfAbsent(name as String, value) }
    }

    private void stages(Script script, Block block) {
        block.nested(script, 'stages').each { stage(script, it) }
        Abort first = null
        block.nested(script, 'parallel').each { Block.Call call ->
            try {
                stage(script, call)
            } catch (Abort problem) {
                first = first ?: problem
            }
        }
        if (first) {
            throw first
        }
    }

    private void stage(Script script, Block.Call call) {
        String outer = build.stage
        build.stage = call.arguments[0]
        String name = build.stage
        if (stopWhenUnstable && build.result == 'UNSTABLE') {
            skip(name, 'the build is unstable')
        } else {
            build.within([:]) { ready(script, name, Block.of(script, (Closure) call.arguments[1])) }
        }
        build.stage = outer
    }

    /** Decides whether a stage runs, and runs it. By default the condition is looked at after options and input. */
    private void ready(Script script, String name, Block block) {
        environment(script, block)
        List<Block.Call> conditions = block.nested(script, 'when')
        List<String> early = conditions*.name.findAll { it in ['beforeOptions', 'beforeInput'] }
        Closure<Boolean> out = { boolean now ->
            boolean wrong = now && !conditions.findAll { !it.name.startsWith('before') }.every { holds(script, it) }
            if (wrong) {
                skip(name, 'when condition is false')
            }
            wrong
        }
        if (out('beforeOptions' in early)) {
            return
        }
        String before = build.result
        build.result = 'SUCCESS'
        Abort problem = null
        try {
            wrapped(optionsOf(script, block)) {
                if (!out(early == ['beforeInput'])) {
                    ask(script, block)
                    if (!out(!early)) {
                        block.one('steps')?.with { run((Closure) it[0]) }
                        stages(script, block)
                    }
                }
            }
        } catch (Abort found) {
            problem = found
            build.say(found.message)
            build.worsen(found.result)
        }
        if (build.stages[name] != 'SKIPPED') {
            Abort last = post(script, block, build.result)
            problem = problem ?: last
            build.stages[name] = build.result
        }
        build.result = Build.worse(before, build.result)
        if (problem) {
            throw problem
        }
    }

    private void skip(String name, String why) {
        build.stages[name] = 'SKIPPED'
        build.say("skipped: ${why}")
    }

    private void ask(Script script, Block block) {
        List<Block.Call> given = block.nested(script, 'input')
        if (given) {
            step('input', [given.collectEntries { [(it.name): it.arguments[0]] }])
        }
    }

    private void environment(Script script, Block block) {
        block.one('environment')?.with {
            Closure body = (Closure) ((Closure) it[0]).clone()
            body.delegate = new Assignments(build, script)
            body.resolveStrategy = Closure.DELEGATE_FIRST
            body()
        }
    }

    private static List<Block.Call> optionsOf(Script script, Block block) {
        block.nested(script, 'options')
    }

    /** Runs the body inside those options that wrap what they are for. */
    private void wrapped(List<Block.Call> options, Closure body) {
        Block.Call first = options.find { it.name in ['timeout', 'lock', 'retry'] }
        if (!first) {
            body()
            return
        }
        step(first.name, first.arguments + [{ wrapped(options - first, body) }])
    }

    private Abort post(Script script, Block block, String result) {
        Abort first = null
        List<Block.Call> calls = block.nested(script, 'post')
        CONDITIONS.each { condition ->
            Block.Call call = calls.find { it.name == condition && due(condition, result) }
            try {
                call?.with { run((Closure) arguments[0]) }
            } catch (Abort problem) {
                build.say("${condition}: ${problem.message}")
                build.worsen('FAILURE')
                first = first ?: problem
            }
        }
        first
    }

    private boolean due(String condition, String result) {
        switch (condition) {
            case ['always', 'cleanup']: return true
            case 'changed': return result != build.previous
            case 'fixed': return result == 'SUCCESS' && build.previous != 'SUCCESS'
            case 'regression': return Build.worse(build.previous, result) != build.previous
            case 'unsuccessful': return result != 'SUCCESS'
            default: return condition.toUpperCase() == result
        }
    }

    private boolean holds(Script script, Block.Call call) {
        Map<String, String> variables = build.environment()
        switch (call.name) {
            case 'expression': return run((Closure) call.arguments[0])
            case 'branch': return matches((String) (call.named.pattern ?: call.arguments[0]), variables.BRANCH_NAME)
            case 'changeRequest': return variables.CHANGE_ID as boolean
            case 'environment': return variables[call.named.name] == call.named.value
            case 'equals': return call.named.expected == call.named.actual
            case 'not': return !inner(script, call)[0]
            case 'allOf': return inner(script, call).every()
            default: return inner(script, call).any()
        }
    }

    private List<Boolean> inner(Script script, Block.Call call) {
        Block.of(script, (Closure) call.arguments[0]).calls.collect { holds(script, it) }
    }

    private static boolean matches(String pattern, String name) {
        name ==~ pattern.split(/\*/, -1).collect { java.util.regex.Pattern.quote(it) }.join('.*')
    }

    /** Runs steps. The sections around them were only recorded, so unknown names go to the script itself. */
    private run(Closure body) {
        Closure outermost = body
        while (outermost.owner instanceof Closure) {
            outermost = (Closure) outermost.owner
        }
        body.rehydrate(outermost.owner, outermost.owner, body.thisObject).call()
    }

    private File variable(String name) {
        new File(library, "vars/${name}.groovy")
    }

    private Script load(String name) {
        if (!loaded.containsKey(name)) {
            loaded[name] = shell.parse(variable(name))
        }
        loaded[name]
    }

}
