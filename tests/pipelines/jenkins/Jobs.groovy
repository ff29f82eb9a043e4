import groovy.json.JsonOutput

/** Runs a Job DSL script and tells which jobs it makes: `Jobs SCRIPT REPORT`. */
class Jobs {

    static void main(String[] arguments) {
        Map<String, Map> jobs = [:]
        Script script = new GroovyShell().parse(new File(arguments[0]))
        script.metaClass.multibranchPipelineJob = { String name, Closure body ->
            assert !jobs.containsKey(name) : "two jobs are named ${name}"
            jobs[name] = JobSection.of('multibranchPipelineJob', body)
        }
        script.run()
        new File(arguments[1]).text = JsonOutput.toJson(jobs)
    }

}
