import org.codehaus.groovy.ast.ASTNode
import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.GStringExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.TupleExpression
import org.codehaus.groovy.ast.expr.VariableExpression
import org.codehaus.groovy.ast.stmt.BlockStatement
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.ast.stmt.Statement
import org.codehaus.groovy.classgen.GeneratorContext
import org.codehaus.groovy.control.CompilePhase
import org.codehaus.groovy.control.SourceUnit
import org.codehaus.groovy.control.customizers.CompilationCustomizer
import org.codehaus.groovy.control.messages.SyntaxErrorMessage
import org.codehaus.groovy.syntax.SyntaxException

/**
 * Holds a declarative pipeline against its grammar before anything runs.
 *
 * https://www.jenkins.io/doc/book/pipeline/syntax/#declarative-pipeline. Jenkins does it at the same moment, on the
 * same tree. Only what our pipelines use is allowed: a section that is not listed is refused, whether Jenkins has it
 * or not.
 */
class Declaration extends CompilationCustomizer {

    private static final Map<String, List<String>> SECTIONS = [
        pipeline: ['agent', 'environment', 'options', 'parameters', 'triggers', 'stages', 'post'],
        stage: ['agent', 'environment', 'options', 'when', 'input', 'steps', 'stages', 'parallel', 'post'],
        post: ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable',
               'unsuccessful', 'cleanup'],
        options: ['timestamps', 'disableConcurrentBuilds', 'timeout', 'buildDiscarder', 'skipDefaultCheckout', 'retry',
                  'lock', 'skipStagesAfterUnstable', 'disableResume', 'parallelsAlwaysFailFast'],
        parameters: ['string', 'text', 'booleanParam', 'choice'],
        triggers: ['cron', 'pollSCM', 'upstream'],
        when: ['branch', 'changeRequest', 'environment', 'equals', 'expression', 'not', 'allOf', 'anyOf',
               'beforeAgent', 'beforeInput', 'beforeOptions'],
        input: ['message', 'id', 'ok', 'submitter'],
    ].asImmutable()
    private static final List<String> WORK = ['steps', 'stages', 'parallel']
    private static final List<String> ONCE = ['pipeline', 'stage', 'post']

    private final Closure<Boolean> isStep
    private SourceUnit unit

    /** @param isStep tells of a name whether there is such a step */
    Declaration(Closure<Boolean> isStep) {
        super(CompilePhase.CONVERSION)
        this.isStep = isStep
    }

    @Override
    void call(SourceUnit source, GeneratorContext context, ClassNode node) {
        unit = source
        List<Statement> found = []
        // A shared library's pipelines stand in a method of a script.
        List<BlockStatement> places = [source.AST.statementBlock] + source.AST.methods*.code
        places.findAll { it instanceof BlockStatement }.each { place ->
            found.addAll(place.statements.findAll { isCall(it, 'pipeline') })
        }
        found.drop(1).each { refuse(it, 'Only one pipeline block is allowed') }
        found.take(1).each { block('pipeline', it) }
    }

    private void block(String kind, Statement statement) {
        ClosureExpression body = closureOf(statement)
        if (body == null) {
            refuse(statement, "Expected a block for ${kind}")
            return
        }
        List<String> seen = []
        body.code.statements.each { Statement inner ->
            String name = nameOf(inner)
            if (name == null) {
                refuse(inner, "Not a valid section definition: '${inner.text}'. Some extra configuration is required.")
            } else if (!(name in SECTIONS[kind])) {
                String what = kind == 'post' ? 'Invalid condition' : kind == 'options' ? 'Invalid option type' :
                    'Unknown section'
                refuse(inner, "${what} \"${name}\" in ${kind}. Valid here: ${SECTIONS[kind].join(', ')}")
            } else {
                if (name in seen && kind in ONCE) {
                    refuse(inner, "Multiple occurrences of the ${name} section")
                }
                seen << name
                section(kind, name, inner)
            }
        }
        complete(kind, seen, statement)
    }

    private void section(String kind, String name, Statement statement) {
        switch (name) {
            case ['stages', 'parallel']: stages(name, statement); break
            case 'steps': steps(name, statement); break
            case 'environment': if (kind != 'when') { environment(statement) }; break
            case SECTIONS.keySet(): block(name, statement); break
            default: if (kind == 'post') { steps(name, statement) }
        }
    }

    private void complete(String kind, List<String> seen, Statement statement) {
        if (kind == 'pipeline') {
            (['agent', 'stages'] - seen).each { refuse(statement, "Missing required section \"${it}\"") }
        }
        if (kind == 'stage' && seen.count { it in WORK } != 1) {
            refuse(statement, "Expected one of ${WORK.join(', ')} for a stage")
        }
    }

    private void stages(String section, Statement statement) {
        ClosureExpression body = closureOf(statement)
        List<String> names = []
        (body ? body.code.statements : []).each { Statement inner ->
            if (!isCall(inner, 'stage')) {
                refuse(inner, "Expected a stage in ${section}")
                return
            }
            def name = argumentsOf(inner)[0]
            if (!(name instanceof ConstantExpression)) {
                refuse(inner, 'Expected a string as the name of a stage')
            } else if (name.value in names) {
                refuse(inner, "Duplicate stage name: \"${name.value}\"")
            } else {
                names << name.value
            }
            block('stage', inner)
        }
        if (!names) {
            refuse(statement, "No stages specified in ${section}")
        }
    }

    private void steps(String section, Statement statement) {
        List<Statement> found = closureOf(statement)?.code?.statements ?: []
        if (!found) {
            refuse(statement, "No steps specified for ${section}")
        }
        found.each { Statement inner ->
            String name = nameOf(inner)
            if (name == null) {
                refuse(inner, "Expected a step in ${section}: '${inner.text}'. Groovy belongs into script { }.")
                return
            }
            if (!isStep(name)) {
                refuse(inner, "No such DSL method '${name}' found among steps")
            }
            if (name == 'script') {
                script(inner)
            } else if (closureOf(inner)) {
                steps(name, inner)
            }
        }
    }

    /** Inside script { } anything goes that is Groovy; that the steps are there is looked at all the same. */
    private void script(Statement statement) {
        Declaration outer = this
        statement.visit(new CodeVisitorSupport() {

            @Override
            void visitMethodCallExpression(MethodCallExpression call) {
                if (call.implicitThis && call.methodAsString && !outer.isStep.call(call.methodAsString)) {
                    outer.refuse(call, "No such DSL method '${call.methodAsString}' found among steps")
                }
                super.visitMethodCallExpression(call)
            }

        })
    }

    private void environment(Statement statement) {
        (closureOf(statement)?.code?.statements ?: []).each { Statement inner ->
            def assignment = inner instanceof ExpressionStatement ? inner.expression : null
            if (!(assignment instanceof BinaryExpression) || assignment.operation.text != '=' ||
                !(assignment.leftExpression instanceof VariableExpression)) {
                refuse(inner, "Expected NAME = value in environment: '${inner.text}'")
                return
            }
            def value = assignment.rightExpression
            if (!(value instanceof GStringExpression || value instanceof MethodCallExpression ||
                  (value instanceof ConstantExpression && value.value instanceof String))) {
                refuse(inner, "Environment variable values must be strings or calls: '${inner.text}'")
            }
        }
    }

    private static List argumentsOf(Statement statement) {
        def arguments = statement.expression.arguments
        arguments instanceof TupleExpression ? arguments.expressions : []
    }

    private static ClosureExpression closureOf(Statement statement) {
        List arguments = argumentsOf(statement)
        arguments && arguments[-1] instanceof ClosureExpression ? arguments[-1] : null
    }

    private static String nameOf(Statement statement) {
        boolean call = statement instanceof ExpressionStatement && statement.expression instanceof MethodCallExpression
        call && statement.expression.implicitThis ? statement.expression.methodAsString : null
    }

    private static boolean isCall(Statement statement, String name) {
        nameOf(statement) == name
    }

    private void refuse(ASTNode node, String text) {
        SyntaxException problem = new SyntaxException(text, node.lineNumber, node.columnNumber)
        unit.errorCollector.addErrorAndContinue(new SyntaxErrorMessage(problem, unit))
    }

}
