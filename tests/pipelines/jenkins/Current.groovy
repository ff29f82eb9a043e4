/** `currentBuild` of a pipeline. */
class Current {

    String displayName
    String description
    private final Build build

    Current(Build build) {
        this.build = build
    }

    String getCurrentResult() {
        build.result
    }

}
