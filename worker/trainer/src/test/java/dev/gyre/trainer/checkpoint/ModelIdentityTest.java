package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What a resumed run is compared by names every value of the model. */
final class ModelIdentityTest {
  private static final List<LayerKind> KINDS =
      List.of(LayerKind.LINEAR, LayerKind.SLIDING, LayerKind.FULL);

  private static ModelSpec model(UnaryOperator<Decoder> change) {
    return change
        .apply(
            new Decoder(new EmbeddingSpec(16, 8), 3, new HeadShape(4, 2, 2))
                .mlp(6)
                .experts(5, 2)
                .mlpOnly(List.of(1))
                .attention(new AttentionPattern(KINDS, 9, 4, true, 3)))
        .spec();
  }

  @Test
  void keysAreThoseOfTheJobFile() {
    SortedMap<String, String> expected = new TreeMap<>();
    expected.put("model.vocab_size", "16");
    expected.put("model.hidden_size", "8");
    expected.put("model.num_hidden_layers", "3");
    expected.put("model.num_attention_heads", "4");
    expected.put("model.num_key_value_heads", "2");
    expected.put("model.head_dim", "2");
    expected.put("model.layers.mixer", "[LinearAttention, SoftmaxAttention, SoftmaxAttention]");
    expected.put("model.layer_types", "[-, SLIDING, FULL]");
    expected.put("model.sliding_window", "[-, 9, 0]");
    expected.put("model.attention_sinks", "[-, 4, 0]");
    expected.put("model.anchor_token", "[-, true, true]");
    expected.put("model.prefix_length", "[-, 3, 3]");
    expected.put("model.rope_theta", "[-, 10000.0, 10000.0]");
    expected.put("model.layers.feedForward", "[MixtureOfExperts, DenseMlp, MixtureOfExperts]");
    expected.put("model.intermediate_size", "6");
    expected.put("model.num_local_experts", "[5, -, 5]");
    expected.put("model.layers.feedForward.router", "[TopK, -, TopK]");
    expected.put("model.num_experts_per_tok", "[2, -, 2]");
    expected.put("model.layers.mixer.rope.scaling", "[-, None, None]");
    expected.put("model.layers.mixer.features.inputBias", "[-, false, false]");
    expected.put("model.layers.mixer.features.outputBias", "[-, false, false]");
    expected.put("model.layers.mixer.features.qkNorm", "[-, NONE, NONE]");
    expected.put("model.layers.mixer.features.clip", "[-, 0.0, 0.0]");
    expected.put("model.layers.mixer.features.sinkLogits", "[-, false, false]");
    expected.put("model.layers.feedForward.activation", "Swiglu");
    expected.put("model.layers.feedForward.bias", "false");
    expected.put("model.layers.feedForward.router.renormalised", "[true, -, true]");
    expected.put("model.layers.feedForward.router.bias", "[false, -, false]");
    expected.put("model.layers.feedForward.sharedWidth", "[0, -, 0]");
    expected.put("model.tie_word_embeddings", "false");
    expected.put("model.rms_norm_eps", "1.0E-5");
    expected.put("model.initializer_range", "0.0");
    assertEquals(expected, ModelIdentity.of(model(d -> d)));
  }

  @Test
  void anyOtherValueIsAnotherIdentity() {
    SortedMap<String, String> same = ModelIdentity.of(model(d -> d));
    List<UnaryOperator<Decoder>> changes =
        List.of(
            d -> d.mlp(7),
            d -> d.experts(5, 1),
            d -> d.experts(4, 2),
            d -> d.mlpOnly(List.of(2)),
            d -> d.attention(new AttentionPattern(KINDS, 9, 4, true, 2)),
            d -> d.attention(new AttentionPattern(KINDS, 9, 4, false, 3)),
            d -> d.attention(new AttentionPattern(KINDS.reversed(), 9, 4, true, 3)),
            d -> d.tied(true),
            d -> d.normEps(1e-6),
            d -> d.ropeTheta(5),
            d -> d.initializerRange(0.02));
    for (UnaryOperator<Decoder> change : changes) {
      assertNotEquals(same, ModelIdentity.of(model(change)));
    }
  }
}
