package dev.gyre.deploy.options;

import dev.gyre.deploy.job.Setting;
import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.job.JobSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The job and the options that override it, for the commands that run or plan a job. */
public final class JobOptions {
  @Mixin private JobArgument file = new JobArgument();

  @Option(names = "--name", paramLabel = "NAME", description = "Name of the run's folder in runs/.")
  private @Nullable String name;

  @Option(
      names = "--workers",
      paramLabel = "W",
      description = "Number of workers. The plan chooses the mesh.")
  private @Nullable Integer workers;

  @Mixin private MeshOptions mesh = new MeshOptions();

  @Option(
      names = "--schedule",
      paramLabel = "S",
      description =
          "Attention schedule: auto, ring, allgather, balanced or tokenring; or per layer type:"
              + " full_attention=ring,sliding_attention=allgather.")
  private @Nullable String schedule;

  @Option(
      names = "--layout",
      paramLabel = "L",
      description = "Token layout over the ring: auto, zigzag, striped or contiguous.")
  private @Nullable String layout;

  @Option(
      names = "--backend",
      paramLabel = "B",
      description = "Compute backend: auto, onednn, vector, torch or scalar.")
  private @Nullable String backend;

  @Option(
      names = "--device",
      paramLabel = "D",
      description = "Device: cpu, or cuda:N with backend torch.")
  private @Nullable String device;

  @Option(names = "--dtype", paramLabel = "T", description = "Compute dtype: auto, bf16 or f32.")
  private @Nullable String dtype;

  @Option(
      names = "--transport",
      paramLabel = "T",
      description = "Data transport between workers: auto, ipc or udp.")
  private @Nullable String transport;

  /** The job file with all overrides of the command line. */
  public JobSpec read() {
    JobSpec job = file.read(settings());
    StartAgainException.requireBackend(job.backend(), Device.parse(job.device()));
    return job;
  }

  /** The job file as named, or the quickstart. */
  public Path path() {
    return file.path();
  }

  /** Whether no job was named, so that the quickstart runs. */
  public boolean isDefault() {
    return file.isDefault();
  }

  private List<Setting> settings() {
    List<Setting> all = new ArrayList<>();
    set(all, "name", "--name", name);
    if (workers != null && !mesh.anyDegree()) {
      // --workers alone replaces the degrees in the file.
      for (String degree : List.of("data-parallel", "ring", "ulysses")) {
        all.add(new Setting("mesh." + degree, "0", false, "--workers " + workers));
      }
    }
    set(all, "mesh.workers", "--workers", workers);
    mesh.given().forEach((key, degree) -> set(all, "mesh." + key, "--" + key, degree));
    set(all, "mesh.schedule", "--schedule", schedule);
    set(all, "mesh.layout", "--layout", layout);
    set(all, "backend", "--backend", backend);
    set(all, "device", "--device", device);
    set(all, "train.dtype", "--dtype", dtype);
    set(all, "transport", "--transport", transport);
    return all;
  }

  private static void set(List<Setting> all, String key, String option, @Nullable Object value) {
    if (value != null) {
      all.add(Setting.ofOption(key, option, value));
    }
  }
}
