/** The section `environment`: each assignment sets a variable of the section around it. */
class Assignments {

    private final Build build
    private final Script script

    Assignments(Build build, Script script) {
        this.build = build
        this.script = script
    }

    void propertyMissing(String name, Object value) {
        if (!(value instanceof Map)) {
            build.set(name, value)
            return
        }
        // A credential: a text, or a name and a password with a variable for each.
        def found = value.credential
        if (found instanceof Map) {
            build.set(name, build.secret("${found.username}:${found.password}"))
            build.set("${name}_USR", found.username)
            build.set("${name}_PSW", build.secret((String) found.password))
        } else {
            build.set(name, build.secret((String) found))
        }
    }

    def propertyMissing(String name) {
        script.getProperty(name)
    }

    Map credentials(String id) {
        [credential: build.credential(id)]
    }

    def methodMissing(String name, Object arguments) {
        script.invokeMethod(name, arguments)
    }

}
