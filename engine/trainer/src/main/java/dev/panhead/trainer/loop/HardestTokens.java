package dev.panhead.trainer.loop;

import dev.panhead.trainer.data.Examples;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/** Remembers the tokens of the largest losses. */
public final class HardestTokens implements Evaluator.TokenListener {

    private static final int COUNT = 20;

    private record Token(long example, double loss, int prediction) {}

    private final PriorityQueue<Token> hardest = new PriorityQueue<>(Comparator.comparingDouble(Token::loss));

    @Override
    public void token(long example, double loss, int prediction) {
        if (hardest.size() < COUNT || loss > hardest.element().loss) {
            hardest.add(new Token(example, loss, prediction));
            if (hardest.size() > COUNT) {
                hardest.remove();
            }
        }
    }

    /** The tokens, the hardest first, for people. */
    public List<Map<String, Object>> describe(Examples examples) {
        List<Map<String, Object>> list = new ArrayList<>();
        hardest.stream()
                .sorted(Comparator.comparingDouble(Token::loss).reversed().thenComparing(Token::example))
                .forEach(token -> {
                    Map<String, Object> one = new LinkedHashMap<>();
                    one.put("loss", token.loss);
                    one.put("prediction", examples.describeToken(token.prediction));
                    one.putAll(examples.describe(token.example));
                    list.add(one);
                });
        return list;
    }
}
