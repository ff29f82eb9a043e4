/**
 * Runs a tradewind command, as this repository pins it. Options are those of `sh`.
 *
 * What comes from outside (branches, parameters) belongs into the command as a variable of the shell, in quotes: a
 * branch may be named like a command.
 */
def call(Map options = [:], String command) {
    // A private package index has its login in its address. Builders read it from their environment only.
    List index = env.PACKAGE_INDEX ? [string(credentialsId: env.PACKAGE_INDEX, variable: 'UV_DEFAULT_INDEX')] : []
    withCredentials(index) {
        sh([script: "${env.TRADEWIND ?: '.venv/bin/tradewind'} ${command}"] + options)
    }
}
