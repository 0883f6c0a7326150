package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.checkpoint.CheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The disk fills up while a checkpoint is written: only that checkpoint is lost. */
final class FullDiskTest {
  private static final int TRY_AGAIN = 75;

  /** Room for a few checkpoints; the job keeps more of them. */
  private static final String DISK = "2m";

  private static final Pattern FULL =
      Pattern.compile(
          "saving step (\\d+): (\\S+/rank-0000[01]\\.safetensors): No space left on device"
              + " \\(it takes \\d+\\.\\d MB, \\d+\\.\\d MB are free\\)");

  @TempDir private static Path folder;

  @Test
  void theNewestWholeCheckpointStaysAndNoHalfOneIsTaken() throws Exception {
    Workplace place = Workplace.in(folder);
    Path runs = Files.createDirectory(folder.resolve("runs"));
    Path kept = folder.resolve("kept");
    String saving = "checkpoint={every: 1, keep: 1000}";
    List<String> small = Namespaces.withTmpfsCopiedTo(kept, runs, DISK);
    long failed;
    try (Gyre gyre =
        Gyre.start(
            folder,
            small,
            place.arguments("--ring", "2", "--set", "train.steps=1000", "--set", saving))) {
      Gyre.Ended ended = gyre.await();
      assertEquals(TRY_AGAIN, ended.exit(), ended.output());
      Matcher full = FULL.matcher(ended.output());
      assertTrue(full.find(), ended.output());
      Says.all(ended, "free some and continue with --resume");
      failed = Long.parseLong(full.group(1));
    }
    assertEquals(List.of(), place.sharedMemory());
    Path saved = kept.resolve(place.name()).resolve("checkpoints");
    CheckpointStore checkpoints = CheckpointStore.in(saved);
    Path unfinished = CheckpointStore.temporary(saved, failed);
    assertWhole(failed - 1, checkpoints);
    assertNoHalfShard(unfinished);
    checkpoints.recover(); // as --resume does
    assertWhole(failed - 1, checkpoints);
    assertFalse(Files.exists(unfinished), "its space is freed");
  }

  private static void assertWhole(long step, CheckpointStore checkpoints) throws IOException {
    List<String> notes = new ArrayList<>();
    assertEquals(
        step,
        checkpoints.newestVerified(notes::add).map(CheckpointStore.Verified::step).orElse(-1L),
        notes.toString());
  }

  /** Another rank's shard may be complete, but without a manifest there is no checkpoint. */
  private static void assertNoHalfShard(Path unfinished) throws IOException {
    assertFalse(Files.exists(unfinished.resolve("manifest.json")));
    if (Files.exists(unfinished)) {
      try (Stream<Path> shards = Files.list(unfinished)) {
        assertTrue(shards.count() < 2, unfinished + " has every shard");
      }
    }
  }
}
