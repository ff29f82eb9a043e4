/** The pipeline of one component: builds an image from a commit, deploys it, and rolls back if that fails. */
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
            string(name: 'ENVIRONMENT', defaultValue: '', description: 'Target. Empty: the environment of the branch.')
            string(name: 'REGISTRY', defaultValue: '', description: 'Registry to push to. Empty: ECR of the account.')
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
                    // A release is created from the active one: no other build may change that until the deployment.
                    lock(resource: "tradewind-${env.DEPLOY_TO}")
                }
                stages {
                    stage('Push') {
                        steps {
                            tradewind 'images push "$COMPONENT" ${REGISTRY:+--registry "$REGISTRY"} > build/image'
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
                                release create -e "$DEPLOY_TO" --note "$BUILD_TAG" \
                                --image "$COMPONENT=$(cat build/image)" > build/release
                            '''
                        }
                    }
                    stage('Deploy') {
                        steps {
                            tradewind 'release deploy -e "$DEPLOY_TO" "$(cat build/release)" --reason "$BUILD_TAG"'
                        }
                    }
                    stage('Confirm') {
                        steps {
                            tradewind 'release status -e "$DEPLOY_TO" --json > build/status.json'
                        }
                    }
                }
                post {
                    unsuccessful {
                        // Finishes or rolls back an interrupted rollout; does nothing if there is none.
                        tradewind 'release resume -e "$DEPLOY_TO"'
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
