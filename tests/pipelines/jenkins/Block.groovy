/** What stands in a section: the calls, in their order, none of them run. */
class Block {

    final Script script
    final List<Call> calls = []

    private Block(Script script) {
        this.script = script
    }

    static Block of(Script script, Closure body) {
        Block block = new Block(script)
        Closure copy = (Closure) body.clone()
        copy.delegate = block
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        copy()
        block
    }

    def methodMissing(String name, Object arguments) {
        Call call = new Call(name, arguments as List)
        calls << call
        call
    }

    def propertyMissing(String name) {
        name in ['any', 'none'] ? name : script.getProperty(name)
    }

    boolean has(String name) {
        calls.any { it.name == name }
    }

    /** The arguments of the first call of that name; null where there is none. */
    List one(String name) {
        calls.find { it.name == name }?.arguments
    }

    /** The calls in a section of this one; none where there is no such section. */
    List<Call> nested(Script script, String name) {
        has(name) ? of(script, (Closure) one(name)[-1]).calls : []
    }

    /** One call with its arguments. */
    static class Call {

        final String name
        final List arguments

        Call(String name, List arguments) {
            this.name = name
            this.arguments = arguments
        }

        Map getNamed() {
            arguments && arguments[0] instanceof Map ? (Map) arguments[0] : [:]
        }

    }

}
