/**
 * Runs a tradewind command in the version that this repository pins. The options are those of `sh`.
 *
 * Pass values from outside (branches, parameters) to the command as a quoted shell variable: the name of a branch
 * may contain shell commands.
 */
def call(Map options = [:], String command) {
    // The address of a private package index contains its login. Build tools read it only from the environment.
    List index = env.PACKAGE_INDEX ? [string(credentialsId: env.PACKAGE_INDEX, variable: 'UV_DEFAULT_INDEX')] : []
    withCredentials(index) {
        sh([script: "${env.TRADEWIND ?: '.venv/bin/tradewind'} ${command}"] + options)
    }
}
