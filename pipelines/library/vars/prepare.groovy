/** Makes the workspace ready, and finds out where its branch is deployed to: DEPLOY_TO, empty for nowhere. */
void call() {
    if (!env.TRADEWIND) {
        sh 'make install'
    }
    sh 'mkdir -p build'
    env.DEPLOY_TO = params.ENVIRONMENT ?:
        tradewind(returnStdout: true, 'config environments --names --branch "${CHANGE_TARGET:-$BRANCH_NAME}"').trim()
    echo env.DEPLOY_TO ? "this branch is deployed to ${env.DEPLOY_TO}" : 'this branch is deployed nowhere'
}
