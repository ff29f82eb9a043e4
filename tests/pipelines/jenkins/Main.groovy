import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.MultipleCompilationErrorsException

/**
 * Runs one Jenkinsfile: `Main JENKINSFILE SETTINGS REPORT`, both JSON.
 *
 * Settings: library and workspace (folders), params, env, credentials (id: text, or username and password), inputs
 * (what is asked, as a regular expression: the answer), previous (the result of the build before). Exit codes: 0 all
 * well, 1 failed, 2 unstable, 3 not a valid pipeline.
 */
class Main {

    static void main(String[] arguments) {
        Map settings = (Map) new JsonSlurper().parse(new File(arguments[1]))
        Build build = new Build(settings)
        Pipeline pipeline = new Pipeline(build, new File((String) settings.library))
        try {
            Script script = pipeline.parse(new File(arguments[0]))
            try {
                script.run()
            } catch (Abort problem) {
                build.say(problem.message)
                build.worsen(problem.result)
            }
        } catch (MultipleCompilationErrorsException problem) {
            System.err.println(problem.message)
            System.exit(3)
        }
        new File(arguments[2]).text = JsonOutput.toJson(build.report())
        println "Finished: ${build.result}"
        System.exit(build.result == 'SUCCESS' ? 0 : build.result == 'UNSTABLE' ? 2 : 1)
    }

}
