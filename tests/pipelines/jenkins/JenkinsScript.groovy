/** A Jenkinsfile, or a step of a shared library, as a program: unknown names are steps and variables of the build. */
abstract class JenkinsScript extends Script {

    def pipeline(Closure body) {
        runner().pipeline(this, body)
    }

    def methodMissing(String name, Object arguments) {
        runner().step(name, arguments as List)
    }

    @Override
    Object getProperty(String name) {
        if (name in ['binding', 'metaClass'] || binding.hasVariable(name)) {
            return super.getProperty(name)
        }
        Map<String, String> variables = runner().build.environment()
        if (!variables.containsKey(name)) {
            throw new MissingPropertyException(name, getClass())
        }
        variables[name]
    }

    private Pipeline runner() {
        (Pipeline) binding.getVariable('runner')
    }

}
