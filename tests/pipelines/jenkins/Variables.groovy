/** `env` of a pipeline: reading gives what a step would see, writing lasts for the build. */
class Variables {

    private final Build build

    Variables(Build build) {
        this.build = build
    }

    def propertyMissing(String name) {
        build.environment()[name]
    }

    void propertyMissing(String name, Object value) {
        build.keep(name, value)
    }

}
