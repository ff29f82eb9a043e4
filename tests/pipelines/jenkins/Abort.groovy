/** Ends what runs: a step that failed, a time limit, a person who said no. */
class Abort extends RuntimeException {

    final String result

    Abort(String message, String result = 'FAILURE') {
        super(message)
        this.result = result
    }

}
