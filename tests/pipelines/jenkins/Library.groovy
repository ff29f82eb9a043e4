import java.lang.annotation.Retention
import java.lang.annotation.RetentionPolicy

/** What a Jenkinsfile begins with: `@Library('tradewind') _`. The libraries themselves are named in the settings. */
@Retention(RetentionPolicy.SOURCE)
@interface Library {

    String[] value() default []

}
