/** The pipeline of one component: from a commit to containers that run it, and back where they do not. */
void call(String component) {
    pipeline {
        agent { label 'tradewind' }
        options {
            timestamps()
            timeout(time: 4, unit: 'HOURS')
            disableConcurrentBuilds()
            buildDiscarder(logRotator(numToKeepStr: '50'))
            skipStagesAfterUnstable()
        }
        parameters {
            string(name: 'ENVIRONMENT', defaultValue: '', description: 'Deploy there. Empty: where the branch belongs.')
            string(name: 'REGISTRY', defaultValue: '', description: 'Push there. Empty: the ECR of the account.')
        }
        environment {
            COMPONENT = "${component}"
        }
        stages {
            stage('Prepare') {
                steps {
                    prepare()
                }
            }
            stage('Lint') {
                steps {
                    tradewind 'config check'
                }
            }
            stage('Build') {
                steps {
                    tradewind 'images build "$COMPONENT"'
                }
            }
            stage('Test') {
                steps {
                    tradewind 'images check "$COMPONENT" --junit build/image.xml'
                }
                post {
                    always {
                        junit 'build/image.xml'
                    }
                }
            }
            stage('SBOM') {
                steps {
                    tradewind 'images sbom "$COMPONENT" > build/sbom.spdx.json'
                }
            }
            stage('Deliver') {
                when {
                    beforeOptions true
                    not { anyOf { changeRequest(); environment name: 'DEPLOY_TO', value: '' } }
                }
                options {
                    // A release is made from the one in force: between the two, nobody else may change it.
                    lock(resource: "tradewind-${env.DEPLOY_TO}")
                }
                stages {
                    stage('Push') {
                        steps {
                            tradewind 'images push "$COMPONENT" ${REGISTRY:+--to "$REGISTRY"} > build/image'
                        }
                    }
                    stage('Scan') {
                        when { environment name: 'REGISTRY', value: '' }
                        steps {
                            tradewind 'images scan "$(cat build/image)" --json > build/findings.json'
                        }
                    }
                    stage('Release') {
                        steps {
                            tradewind '''\
                                release create --from "$DEPLOY_TO" --note "$BUILD_TAG" \
                                --image "$COMPONENT=$(cat build/image)" > build/release
                            '''
                        }
                    }
                    stage('Deploy') {
                        steps {
                            tradewind 'release deploy "$DEPLOY_TO" "$(cat build/release)" --reason "$BUILD_TAG"'
                        }
                    }
                    stage('Confirm') {
                        steps {
                            tradewind 'release status "$DEPLOY_TO" --json > build/status.json'
                        }
                    }
                }
                post {
                    unsuccessful {
                        // What was begun is finished or taken back; nothing where nothing was begun.
                        tradewind 'release resume "$DEPLOY_TO"'
                    }
                }
            }
        }
        post {
            always {
                archiveArtifacts artifacts: 'build/**', allowEmptyArchive: true
            }
        }
    }
}
