package dev.gyre.deploy;

import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.job.JobFile;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.RunIdentity;
import dev.gyre.trainer.checkpoint.ShardWriter;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A run folder as training leaves it, with a model whose every value is 0.5. Its data does not
 * exist: reading it fails.
 */
public record TinyRun(RunFolder folder, JobSpec job) {
  public static final float VALUE = 0.5f;

  private static final String JOB =
      """
      name: %s
      model:
        vocab_size: 256
        hidden_size: 8
        num_hidden_layers: 1
        num_attention_heads: 2
        num_local_experts: 3
        anchor_token: true
      dataset: {train: [{path: nowhere}]}
      train:
        sequence-length: 64
        steps: 10
        optimizer: {lr: 1.2e-3, warmup: 0}
      """;

  /** A job file for runs with this name; the model has a mask that Hugging Face's class lacks. */
  public static Path jobFile(Path folder, String name) throws IOException {
    return Files.writeString(folder.resolve(name + ".yaml"), JOB.formatted(name));
  }

  /** The job's next run, with checkpoints of these steps. */
  public static TinyRun in(Path runs, Path jobFile, long... steps) throws IOException {
    JobSpec job = new JobFile((_, _) -> null, _ -> 256).read(jobFile, List.of());
    TinyRun run = new TinyRun(RunFolder.create(runs, job.name()), job);
    Files.writeString(run.folder.job(), SpecJson.write(job));
    for (long step : steps) {
      run.save(step);
    }
    return run;
  }

  private void save(long step) throws IOException {
    Path checkpoints = folder.checkpoints();
    RunIdentity identity = RunIdentity.of(job, "f32", "3:data", Map.of());
    Manifest manifest = Manifest.of(step, 0, 1, step, identity, job.model(), "", "{}");
    Path temporary = CheckpointStore.temporary(checkpoints, step);
    new CheckpointStore(checkpoints, 9, null, _ -> {})
        .commit(
            manifest.withFiles(
                List.of(ShardWriter.write(temporary, 0, slices(), WriteProgress.NONE))));
  }

  private List<OwnedSlice> slices() {
    List<OwnedSlice> slices = new ArrayList<>();
    for (TensorSpec spec : job.model().tensors()) {
      MemorySegment values = Arena.ofAuto().allocate(spec.elements() * Float.BYTES, Float.BYTES);
      for (long i = 0; i < spec.elements(); i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, VALUE);
      }
      slices.add(new OwnedSlice(spec, spec.whole(), values, values, values, values));
    }
    return slices;
  }

  public Path step(long step) {
    return folder.checkpoints().resolve("step-" + step);
  }

  public void damage(long step) throws IOException {
    Path file = step(step).resolve(ShardWriter.fileName(0));
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);
  }

  /** Reading a folder as a file fails for every user, even for root. */
  public void makeUnreadable(long step) throws IOException {
    Path file = step(step).resolve(Manifest.FILE);
    Files.delete(file);
    Files.createDirectory(file);
  }
}
