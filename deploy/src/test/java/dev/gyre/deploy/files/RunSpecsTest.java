package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.deploy.job.JobFile;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunSpecsTest {
  @TempDir Path folder;

  private JobSpec job(String name, String tokenizer) throws IOException {
    Path file = folder.resolve("job.yaml");
    Files.writeString(
        file,
        """
        name: %s
        dataset:
          train: [{path: "text/**/*.txt"}, {path: /data/all}, {path: "jdk:src.zip"}]
          tokenizer: %s
        """
            .formatted(name, tokenizer));
    return new JobFile((_, _) -> null, _ -> 256).read(file, List.of());
  }

  private static JobSpec kept(RunFolder run) throws IOException {
    return SpecJson.read(Files.readString(run.job()), JobSpec.class, "job.json");
  }

  /** Paths are written as absolute ones, so that the run can be used from any folder. */
  @Test
  void pathsAreAbsolute() throws IOException {
    RunFolder run = RunFolder.create(folder, "run");
    RunSpecs.write(run, job("exp", "../tokenizer.json"));
    Path here = Path.of("").toAbsolutePath();
    JobSpec kept = kept(run);
    assertEquals(here.resolveSibling("tokenizer.json").toString(), kept.dataset().tokenizer());
    assertEquals(
        List.of(here.resolve("text/**/*.txt").toString(), "/data/all", "jdk:src.zip"),
        kept.dataset().train().stream().map(source -> source.path()).toList());
    assertEquals("", kept.modelFrom());
    RunSpecs.write(run, job("exp", "bytes"));
    assertEquals("bytes", kept(run).dataset().tokenizer());
  }

  @Test
  void aRunKeepsItsName() throws IOException {
    RunFolder run = RunFolder.create(folder, "run");
    RunSpecs.write(run, job("exp", "bytes"));
    assertEquals("exp", kept(run).name());
    RunSpecs.write(run, job("other", "bytes"));
    assertEquals("exp", kept(run).name());
    try (var files = Files.list(run.path())) {
      assertEquals(3, files.count(), "job.json, logs, checkpoints, and nothing half written");
    }
  }
}
