package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Observer;
import dev.gyre.model.local.LayerModel;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The objective of a batch and all its gradients, as the ranks of a mesh compute them. */
final class OneStep {
  double loss;

  /** The objective without a backward pass. */
  double evaluated;

  final Map<String, float[]> gradients = new LinkedHashMap<>();

  private OneStep(RankSpec spec) {
    for (TensorSpec tensor : spec.model().tensors()) {
      gradients.put(tensor.name(), new float[(int) tensor.elements()]);
    }
  }

  /** A row's documents, its tokens and their labels. */
  record Row(Documents documents, int[] tokens, int[] labels) {
    /** Random tokens; a label is the next token of the document, unless it lies in the prefix. */
    static Row random(Documents documents, int vocabulary, int prefix) {
      int[] tokens = new Random(3).ints(documents.tokens(), 0, vocabulary).toArray();
      int[] labels = new int[tokens.length];
      for (int t = 0; t < tokens.length; t++) {
        int document = documents.documentOf(t);
        int next = t + 1 - documents.start(document);
        labels[t] = next == documents.length(document) || next < prefix ? -100 : tokens[t + 1];
      }
      return new Row(documents, tokens, labels);
    }

    int labelled() {
      return (int) Arrays.stream(labels).filter(label -> label >= 0).count();
    }

    private static Row concatenated(List<Row> rows) {
      return new Row(
          Documents.concatenated(documents(rows)),
          rows.stream().flatMapToInt(row -> Arrays.stream(row.tokens)).toArray(),
          rows.stream().flatMapToInt(row -> Arrays.stream(row.labels)).toArray());
    }

    private static List<Documents> documents(List<Row> rows) {
      return rows.stream().map(Row::documents).toList();
    }

    private RowSource source() {
      return (run, ids, next) -> {
        MemorySegment.copy(tokens, run.start(), ids, ValueLayout.JAVA_INT, 0, run.length());
        MemorySegment.copy(labels, run.start(), next, ValueLayout.JAVA_INT, 0, run.length());
      };
    }
  }

  float[] gradient(String name) {
    float[] gradient = gradients.get(name);
    if (gradient == null) {
      throw new IllegalArgumentException(name);
    }
    return gradient;
  }

  /** One forward and backward pass over every row, with the weights of {@link LayerModel}. */
  static OneStep run(RankSpec spec, List<Row> rows, Supplier<Backend> backends) {
    OneStep step = new OneStep(spec);
    int workers = spec.mesh().workers();
    try (LocalNetwork network = LocalNetwork.loopback(workers, Options.plain().withNeverBuffer())) {
      RankThreads.run(workers, network, transport -> step.rank(transport, spec, rows, backends));
    }
    return step;
  }

  private Boolean rank(
      Transport transport, RankSpec spec, List<Row> rows, Supplier<Backend> backends) {
    int tokens = rows.stream().mapToInt(row -> row.tokens.length).sum();
    int labelled = rows.stream().mapToInt(Row::labelled).sum();
    BatchTotals totals = new BatchTotals(tokens, labelled, rows.size());
    try (Backend backend = backends.get();
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters().load(OneStep::load);
      rank.parameters().zeroGradients();
      double[] sums = new double[2];
      for (List<Row> ofStep : microSteps(rows, spec, transport.rank())) {
        RowPart part = rank.layOut(Row.documents(ofStep));
        try (PreparedRow row = rank.prepare(part, Row.concatenated(ofStep).source(), totals)) {
          sums[0] += row.forwardBackward(rank.observer(Observer.NONE)).total();
          Tensor losses = rank.workspace().save(DType.F32, row.batch().count());
          sums[1] += rank.model().evaluate(row.input(), losses, Observer.NONE).total();
        }
      }
      rank.everyone().sum(sums);
      rank.parameters().reduceGradients();
      loss = sums[0];
      evaluated = sums[1];
      rank.parameters().ownedSlices().forEach(this::take);
    }
    return true;
  }

  /** The rows of each micro-step of a rank; none where others still have some. */
  private static List<List<Row>> microSteps(List<Row> rows, RankSpec spec, int rank) {
    List<Row> own = new ArrayList<>();
    int data = spec.mesh().dataParallel();
    for (int at = spec.mesh().place(rank, Axis.DATA); at < rows.size(); at += data) {
      own.add(rows.get(at));
    }
    List<List<Row>> steps = new ArrayList<>();
    int most = Math.ceilDiv(rows.size(), data);
    for (int from = 0; from < most; from += spec.rowsPerMicroStep()) {
      int end = Math.min(from + spec.rowsPerMicroStep(), own.size());
      steps.add(from < end ? own.subList(from, end) : List.of());
    }
    return steps;
  }

  private static void load(TensorSpec tensor, TensorBox box, MemorySegment into) {
    float[] all = LayerModel.weights(tensor);
    box.forEachRun(
        tensor.shape(),
        (from, count, at) ->
            MemorySegment.copy(
                all, (int) from, into, ValueLayout.JAVA_FLOAT, at * Float.BYTES, (int) count));
  }

  private void take(OwnedSlice slice) {
    slice.copyTo(slice.gradient(), MemorySegment.ofArray(gradient(slice.spec().name())));
  }

  /** Every element of every gradient within 2e-5 of the largest of its tensor. */
  void assertClose(String what, double wantedLoss, Map<String, double[]> wanted) {
    assertEquals(wantedLoss, loss, 3e-6, what);
    assertEquals(loss, evaluated, 1e-9, what);
    double largestOfAll = wanted.values().stream().mapToDouble(OneStep::largest).max().orElse(0);
    wanted.forEach(
        (name, want) -> {
          double tolerance = 2e-5 * largest(want) + 1e-6 * largestOfAll;
          float[] got = gradient(name);
          for (int i = 0; i < want.length; i++) {
            int at = i;
            assertEquals(want[i], got[i], tolerance, () -> what + " " + name + " " + at);
          }
        });
  }

  void assertClose(String what, OneStep want) {
    Map<String, double[]> wanted = new LinkedHashMap<>();
    want.gradients.forEach((name, gradient) -> wanted.put(name, doubles(gradient)));
    assertClose(what, want.loss, wanted);
  }

  void assertSameBits(String what, OneStep want) {
    assertEquals(want.loss, loss, what);
    want.gradients.forEach(
        (name, gradient) -> assertArrayEquals(gradient, gradient(name), what + " " + name));
  }

  /** Of the angle between the gradients of all weights. */
  double cosine(OneStep other) {
    double[] products = new double[3];
    gradients.forEach(
        (name, a) -> {
          float[] b = other.gradient(name);
          for (int i = 0; i < a.length; i++) {
            products[0] += (double) a[i] * b[i];
            products[1] += (double) a[i] * a[i];
            products[2] += (double) b[i] * b[i];
          }
        });
    return products[0] / Math.sqrt(products[1] * products[2]);
  }

  private static double largest(double[] values) {
    return Arrays.stream(values).map(Math::abs).max().orElse(0);
  }

  static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
