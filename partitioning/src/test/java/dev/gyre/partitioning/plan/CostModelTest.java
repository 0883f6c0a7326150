package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CostModelTest {
  private static StepCost cost(ModelSpec model, TrainSpec train, Mesh mesh, String dtype) {
    return cost(model, train, mesh, dtype, "ring", LayoutKind.ZIGZAG);
  }

  private static StepCost cost(
      ModelSpec model,
      TrainSpec train,
      Mesh mesh,
      String dtype,
      String schedule,
      LayoutKind layout) {
    RowSchedules schedules = new RowSchedules(model, mesh, dtype, "ipc", Rates.UNKNOWN);
    SequenceLayout row =
        Layouts.of(layout, new Documents(train.sequenceLength()), mesh.ring(), mesh.ulysses(), 64);
    List<ScheduleChoice> choices = new ArrayList<>();
    for (LayerKind layers : model.maskOfKind().keySet()) {
      choices.add(schedules.choice(layers, List.of(schedule), row, ActivationPlan.NONE));
    }
    return new CostModel(model, train, mesh, dtype).step(choices, layout, 64, ActivationPlan.NONE);
  }

  @Test
  void sizesAddUp() {
    ModelSize size = ModelSize.of(Jobs.model(8, 0));
    long attention = 4 * (2 * 256 * 256 + 2 * 128 * 256);
    long expert = 3 * 256 * 512;
    assertEquals(attention, size.matrices());
    assertEquals(256 * 256 + 9 * 256 + attention + 4 * 8 * 256 + 4 * 8 * expert, size.total());
    assertEquals(256 * 256 + 9 * 256 + attention + 4 * 8 * 256 + 4 * 2 * expert, size.active());
    assertEquals(size.total(), size.dense() + 4 * 8 * expert);
    ModelSize dense = ModelSize.of(Jobs.model(0, 0));
    assertEquals(dense.total(), dense.active());
    assertEquals(attention + 4 * expert, dense.matrices());
    ExpertPlacement placement = new ExpertPlacement(8, 3);
    assertEquals(4 * 3 * expert, size.expert() * placement.count(0));
    assertEquals(4 * 2 * expert, size.expert() * placement.count(2));
    assertEquals(6, placement.first(2));
  }

  /** Every tensor is counted once. */
  @Test
  void sizesAreSumsOverTheTensors() {
    for (ModelSpec model : List.of(Jobs.model(8, 0), Jobs.sinks(), Jobs.latent())) {
      ModelSize size = ModelSize.of(model);
      long total = 0;
      long exact = 0;
      for (TensorSpec tensor : model.tensors()) {
        total += tensor.elements();
        exact += tensor.precision() == Precision.F32 ? tensor.elements() : 0;
      }
      assertEquals(total, size.total());
      assertEquals(exact, size.alwaysF32() + size.expertBiases() * size.experts());
    }
  }

  /** 3 layers with 2 of 8 experts of 128 and a shared one of 384, after a dense one of 512. */
  @Test
  void latentAttentionAndTheSharedExpertAreMultiplied() {
    long projections = 256 * 96 + 96 * 8 * 48 + 256 * (64 + 16) + 64 * 8 * (32 + 32) + 8 * 32 * 256;
    long experts = 3 * 256 * (2 * 128 + 384) + 8 * 256;
    long weights = 256 * 256 + 4 * projections + 3 * 256 * 512 + 3 * experts;
    assertEquals(weights, ModelSize.of(Jobs.latent()).multiplied());
    assertEquals(6 * weights * 1000, CostModel.linearFlops(Jobs.latent(), 1000));
    // Values are padded to the 48 elements of a key.
    assertEquals(
        4 * (14L * 8 * 48) * (1000 * 1001 / 2),
        CostModel.attentionFlops(Jobs.latent(), new Documents(1000)));
  }

  /** Weights of experts travel in bf16, their biases in f32. */
  @Test
  void biasesOfExpertsTravelInF32() {
    ModelSpec model = Jobs.sinks();
    ModelSize size = ModelSize.of(model);
    StepCost cost = cost(model, Jobs.train(1000, 2000, "bf16"), new Mesh(2, 2, 1, 2), "bf16");
    assertEquals(4 * (2 * 512 + 256), size.expertBiases());
    long weights = 3 * size.expert();
    long biases = 3 * size.expertBiases();
    long dense = size.dense() - size.alwaysF32();
    assertEquals(
        4 * (size.dense() - size.dense() / 4 + (weights + biases) / 2), cost.gradientBytes());
    assertEquals(
        2 * (dense - dense / 4 + weights / 2)
            + 4 * (size.alwaysF32() - size.alwaysF32() / 4 + biases / 2),
        cost.parameterBytes());
  }

  @Test
  void visiblePairsAreCountedOneByOne() {
    for (long seed = 0; seed < 400; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(60);
      AttentionMask mask = rows.mask(documents);
      long pairs = 0;
      for (int query = 0; query < documents.tokens(); query++) {
        for (int key = 0; key < documents.tokens(); key++) {
          pairs += RandomRows.sees(mask, documents, query, key) ? 1 : 0;
        }
      }
      assertEquals(pairs, CostModel.visiblePairs(documents, mask), "seed " + seed + " " + mask);
    }
  }

  @Test
  void flopsFollowTheFormulas() {
    StepCost one =
        cost(Jobs.model(8, 0), Jobs.train(1000, 3000, "f32"), new Mesh(1, 1, 1, 1), "f32");
    assertEquals(3 * (14L * 32 * 8 * 4) * (1000 * 1001 / 2), one.attentionFlops());
    long weights = ModelSize.of(Jobs.model(8, 0)).active() - 9 * 256;
    assertEquals(6 * weights * 3000, one.linearFlops());
    assertEquals(0, one.bytes());
    // Three rows on two data ranks: the busier one computes two.
    StepCost data =
        cost(Jobs.model(8, 0), Jobs.train(1000, 3000, "f32"), new Mesh(2, 1, 1, 1), "f32");
    assertEquals(one.linearFlops() / 3 * 2, data.linearFlops());
    assertEquals(one.attentionFlops() / 3 * 2, data.attentionFlops());
  }

  /** Compares with a schedule's messages, summed over all ranks, for every kind. */
  @Test
  void ringBytesAreThoseOfTheSchedule() {
    TrainSpec train = Jobs.train(1001, 1001, "bf16");
    ModelSpec model = Jobs.model(8, 0);
    for (int ring = 1; ring <= 5; ring++) {
      for (int ulysses : new int[] {1, 3}) {
        Mesh mesh = new Mesh(1, ring, ulysses, 1);
        for (String key : ScheduleKind.KEYS) {
          ScheduleKind kind =
              ScheduleKind.of(
                  key, MessageBytes.ofRow(model.heads().kvHeadOf(), model.heads().size(), 2, mesh));
          LayoutKind order = kind.layouts().getFirst();
          SequenceLayout layout = Layouts.of(order, new Documents(1001), ring, ulysses, 64);
          AttentionSchedule schedule = kind.schedule(layout, AttentionMask.CAUSAL);
          long sent = 0;
          for (HeadSplit.Part part : HeadSplit.of(model.heads().kvHeadOf(), mesh).parts()) {
            MessageBytes bytes =
                new MessageBytes(part.queryHeads(), part.kvHeads(), model.heads().size(), 2);
            sent += bytes.sent(schedule.forward()) + bytes.sent(schedule.backward());
          }
          assertEquals(ring == 1, sent == 0);
          assertEquals(
              4 * sent / mesh.degree(Axis.RING, Axis.ULYSSES),
              cost(model, train, mesh, "bf16", key, order).ringBytes(),
              key + " ring " + ring);
        }
      }
    }
  }

  @Test
  void ulyssesBytesForEvenHeads() {
    // q, k, v and output forward: 2·256 + 2·128 wide; half stays with two ranks.
    StepCost cost =
        cost(Jobs.model(8, 0), Jobs.train(1000, 1000, "f32"), new Mesh(1, 1, 2, 1), "f32");
    long oneWay = 4L * (2 * 256 + 2 * 128) * 500 / 2;
    assertEquals(4 * 2 * oneWay, cost.ulyssesBytes());
    assertEquals(0, cost.ringBytes());
  }

  @Test
  void expertGradientAndParameterBytes() {
    ModelSpec model = Jobs.model(8, 0);
    ModelSize size = ModelSize.of(model);
    StepCost cost = cost(model, Jobs.train(1000, 2000, "bf16"), new Mesh(2, 2, 1, 2), "bf16");
    // 500 tokens, 2 experts each, half of them on other ranks; 4 layers of 4 exchanges.
    assertEquals(500L * 256 * 2 * 16, cost.expertBytes());
    long experts = 4L * 4 * 3 * 256 * 512;
    assertEquals(4 * (size.dense() / 4 * 3 + experts / 2), cost.gradientBytes());
    assertEquals(
        2 * ((size.dense() - size.alwaysF32()) / 4 * 3 + experts / 2)
            + 4 * (size.alwaysF32() / 4 * 3),
        cost.parameterBytes());
  }

  @Test
  void timeFollowsTheRates() {
    StepCost cost = new StepCost(3_000_000, 500_000, 4_000_000, 100, 0, 0, 100, 100, 700_000);
    Rates rates = new Rates(1_000_000_000, 1_000_000_000, 1_000_000_000);
    // 3 ms of matmuls, 4 ms of attention with its messages, then 0.7 ms of the rest.
    assertEquals(7_700, cost.micros(rates, 4_000));
    assertEquals(0, cost.micros(Rates.UNKNOWN, 4_000));
    assertEquals(
        2_500_000,
        new StepCost(5_000_000_000L, 0, 0, 0, 0, 0, 0, 0, 0)
            .micros(new Rates(2_000_000_000, 1, 1), 0));
  }

  /** A layer's forecast, for every layer of its kind and every row of the busiest data rank. */
  @Test
  void attentionTakesWhatItsSchedulesDo() {
    ModelSpec model = Jobs.model(0, 0);
    Mesh mesh = new Mesh(2, 2, 1, 1);
    ScheduleForecast forecast = new ScheduleForecast("ring", 11, 4000);
    List<ScheduleChoice> choices =
        List.of(new ScheduleChoice(LayerKind.FULL, "ring", List.of(forecast)));
    CostModel costs = new CostModel(model, Jobs.train(1000, 3000, "f32"), mesh, "f32");
    assertEquals(11 * 4 * 2, costs.attentionMicros(choices));
    assertEquals(
        4000 * 4 * 2 / 2,
        costs.step(choices, LayoutKind.ZIGZAG, 64, ActivationPlan.NONE).ringBytes());
  }
}
