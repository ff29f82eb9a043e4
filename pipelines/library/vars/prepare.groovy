/** Prepares the workspace and sets DEPLOY_TO to the environment of its branch; empty if the branch has none. */
void call() {
    if (!env.TRADEWIND) {
        sh 'make install'
    }
    sh 'mkdir -p build'
    env.DEPLOY_TO = params.ENVIRONMENT ?:
        tradewind(returnStdout: true, 'environments --names --branch "${CHANGE_TARGET:-$BRANCH_NAME}"').trim()
    echo env.DEPLOY_TO ? "this branch is deployed to ${env.DEPLOY_TO}" : 'this branch is not deployed'
}
