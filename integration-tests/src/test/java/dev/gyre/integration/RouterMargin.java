package dev.gyre.integration;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.TokenStore;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.step.TrainingStep;
import dev.gyre.trainer.worker.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How close the routers' choices come to a tie while one worker trains: its run is repeated in this
 * process to read the logits.
 *
 * @param losses of the steps
 * @param least difference between the k-th and the next logit, over all tokens in all steps
 */
record RouterMargin(List<Double> losses, double least) {
  /** Repeats the first run of a workplace, which must have had one worker. */
  static RouterMargin measure(Workplace place, int steps) throws IOException {
    Path run = place.run(1);
    JobSpec job = read(run.resolve("job.json"), JobSpec.class);
    Plan plan = read(run.resolve("plan.json"), Plan.class);
    double[] least = {Double.POSITIVE_INFINITY};
    List<Double> losses = new ArrayList<>();
    try (TokenStore store = TokenStore.open(place.tokens());
        Backend backend =
            watched(Backends.open(plan.backend(), plan.kernelThreads(), Device.CPU), least);
        Transport transport = LoopbackNetwork.alone();
        TrainingRank rank =
            TrainingRank.open(transport, backend, RankSpec.of(job, plan, DType.F32, null))) {
      Feed feed = Feed.of(store, job);
      rank.parameters().initialise(job.train().seed());
      TrainingStep training = new TrainingStep(rank, feed, job.train(), 0);
      for (long step = 0; step < steps; step++) {
        losses.add(training.run(step, () -> 0).metrics().loss());
      }
    }
    return new RouterMargin(losses, least[0]);
  }

  private static <T extends Record> T read(Path file, Class<T> type) throws IOException {
    return SpecJson.read(Files.readString(file), type, file.toString());
  }

  private static Backend watched(Backend backend, double[] least) {
    return backend.withKernels(
        KernelCall.receivedBy(
            call -> {
              if (call.kernel().equals("routeTopK")) {
                Tensor indices = (Tensor) call.arguments()[4];
                updateLeast((Tensor) call.arguments()[0], (int) indices.width(), least);
              }
              call.on(backend.kernels());
            }));
  }

  private static void updateLeast(Tensor logits, int k, double[] least) {
    int experts = (int) logits.width();
    float[] values = Tensors.toFloats(logits);
    for (int token = 0; token < logits.dim(0); token++) {
      float[] sorted = Arrays.copyOfRange(values, token * experts, (token + 1) * experts);
      Arrays.sort(sorted);
      least[0] = Math.min(least[0], sorted[experts - k] - (double) sorted[experts - k - 1]);
    }
  }
}
