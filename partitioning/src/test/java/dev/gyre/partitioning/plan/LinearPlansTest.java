package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Plans of models with linear-attention layers. */
final class LinearPlansTest {
  private static final LayerKind[] MIXED = {
    LayerKind.LINEAR, LayerKind.FULL, LayerKind.LINEAR, LayerKind.LINEAR
  };

  /** h 256, 4 layers, 8 query heads over 4 key/value heads of 32. */
  private static ModelSpec model(LayerKind... kinds) {
    return Jobs.decoder().attention(new AttentionPattern(List.of(kinds), 0)).spec();
  }

  private static ModelSpec onlyLinear() {
    return model(Collections.nCopies(4, LayerKind.LINEAR).toArray(LayerKind[]::new));
  }

  private static Plan plan(ModelSpec model, int tokens, MeshSpec mesh) {
    TrainSpec train = Jobs.train(tokens, tokens, "bf16");
    return Jobs.PLANNER.plan(Jobs.job(model, train, mesh, "auto"), Jobs.workers(Jobs.ONEDNN));
  }

  private static MeshSpec ring(int ranks) {
    return MeshSpec.of(0, 1, ranks, 1, 1);
  }

  @Test
  void rowsOfLinearLayersAloneLieInRankOrder() {
    Plan plan = plan(onlyLinear(), 8192, ring(4));
    assertEquals(LayoutKind.CONTIGUOUS, plan.layout());
    assertEquals(0, plan.cost().moveBytes());
    assertEquals(0, plan.cost().ringBytes());
    assertEquals(LayoutKind.ZIGZAG, plan(model(MIXED), 8192, ring(4)).layout());
  }

  @Test
  void statesCostTheSameForAnyRow() {
    // 4 layers, six pairs of ranks, forward and back, 8 heads of 32×32 floats; a quarter each.
    long states = 4L * 2 * 6 * 8 * 32 * 32 * 4 / 4;
    assertEquals(states, plan(onlyLinear(), 8192, ring(4)).cost().stateBytes());
    // A million tokens fit if blocks are recomputed, which sends the forward states again.
    Plan million = plan(onlyLinear(), 1 << 20, ring(4));
    assertEquals(ActivationPlan.ALL, million.activations().recompute());
    assertEquals(states + states / 2, million.cost().stateBytes());
    assertEquals(0, plan(onlyLinear(), 8192, ring(1)).cost().stateBytes());
  }

  @Test
  void zigzagTokensMoveInEveryLinearLayer() {
    // Of eight chunks of 1,024 two stay where they are: chunk 0 with rank 0, chunk 5 with rank 2.
    long tokens = 6 * 1024;
    long width = 32L * (2 * (3 * 8 + 2 * 4) + 4 * (8 + 2 * 4));
    assertEquals(3 * tokens * width / 4, plan(model(MIXED), 8192, ring(4)).cost().moveBytes());
  }

  @Test
  void flopsOfLinearLayersFollowTheTokens() {
    long softmax = CostModel.attentionFlops(Jobs.model(0, 0), new Documents(1000)) / 4;
    long linear = 12L * 8 * 32 * 32 * 1000;
    assertEquals(softmax + 3 * linear, CostModel.attentionFlops(model(MIXED), new Documents(1000)));
    assertEquals(
        8 * CostModel.attentionFlops(onlyLinear(), new Documents(1000)),
        CostModel.attentionFlops(onlyLinear(), new Documents(8000)));
  }

  /** Masks apply to softmax layers; without such layers a mask would have no effect. */
  @Test
  void linearLayersAloneTakeNoMask() {
    List<LayerKind> linear = List.of(LayerKind.LINEAR, LayerKind.LINEAR);
    refused("model.sliding_window", () -> new AttentionPattern(linear, 512));
    refused("model.anchor_token", () -> new AttentionPattern(linear, 0, 0, true, 0));
    refused("model.prefix_length", () -> new AttentionPattern(linear, 0, 0, false, 64));
    AttentionPattern mixed =
        new AttentionPattern(List.of(LayerKind.LINEAR, LayerKind.FULL), 0, 0, true, 64);
    assertEquals(new AttentionMask(0, 0, true, 64), mixed.mask(1));
    assertThrows(IllegalArgumentException.class, () -> mixed.mask(0));
  }

  private static void refused(String key, Executable made) {
    Invalid e = assertThrows(Invalid.class, made);
    assertTrue(e.getMessage().startsWith(key + ": is for softmax layers"), e::getMessage);
  }

  @Test
  void aMillionTokensNeedNoWiderNumbers() {
    Plan plan = plan(model(MIXED), 1 << 20, ring(4));
    assertTrue(plan.cost().linearFlops() > 0 && plan.memory().total() > 0, plan::toString);
    assertTrue(plan.cost().moveBytes() > Integer.MAX_VALUE, "fits in an int");
  }

  @Test
  void aLinearLayerHasNoMask() {
    assertEquals(Map.of(LayerKind.FULL, AttentionMask.CAUSAL), model(MIXED).maskOfKind());
    assertEquals(Map.of(), onlyLinear().maskOfKind());
  }
}
