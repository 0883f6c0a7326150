package dev.gyre.trainer.worker;

import dev.gyre.comms.Progress;
import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.WrittenFile;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.RunIdentity;
import dev.gyre.trainer.checkpoint.ShardWriter;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.rank.TrainingRank;
import java.nio.file.Path;

/** Writes this rank's part of a checkpoint, and reports it. */
final class CheckpointWriter {
  private final Path folder;
  private final JobSpec job;
  private final Plan plan;
  private final TrainingRank rank;
  private final Feed feed;
  private final RunIdentity identity;
  private final String sourceConfig;

  /**
   * @param identity what a resume is compared with
   * @param sourceConfig {@code config.json} of the model that the run started from; empty for none
   */
  CheckpointWriter(
      Path runFolder,
      JobSpec job,
      Plan plan,
      TrainingRank rank,
      Feed feed,
      RunIdentity identity,
      String sourceConfig) {
    this.folder = runFolder.resolve("checkpoints");
    this.job = job;
    this.plan = plan;
    this.rank = rank;
    this.feed = feed;
    this.identity = identity;
    this.sourceConfig = sourceConfig;
  }

  /**
   * Writes and syncs this rank's part of the state; blocks.
   *
   * @param done steps so far
   * @param skipped of them, without an update
   */
  CheckpointWritten write(long done, long skipped) throws StorageException {
    Path temporary = CheckpointStore.temporary(folder, done);
    FileEntry file = writeShard(temporary, done);
    CheckpointWritten.Builder written =
        CheckpointWritten.newBuilder()
            .setStep(done)
            .setFolder(temporary.toString())
            .addFiles(
                WrittenFile.newBuilder()
                    .setName(file.name())
                    .setBytes(file.bytes())
                    .setSha256(file.sha256()));
    if (rank.transport().rank() == 0) {
      written.setManifestJson(manifest(done, skipped).toJson());
    }
    return written.build();
  }

  /**
   * Every few megabytes are a phase of their own, so that a slow disk can be distinguished from one
   * that hangs.
   */
  private FileEntry writeShard(Path temporary, long done) throws StorageException {
    Progress where = rank.transport().where();
    where.phase("checkpoint");
    where.onStorage(true);
    try {
      return ShardWriter.write(
          temporary,
          rank.transport().rank(),
          rank.parameters().ownedSlices(),
          (bytes, total) ->
              where.phase("checkpoint, %d of %d MB".formatted(bytes >> 20, total >> 20)));
    } catch (StorageException e) {
      throw e.during("saving step " + done);
    } finally {
      where.onStorage(false);
    }
  }

  private Manifest manifest(long done, long skipped) {
    return Manifest.of(
        done,
        skipped,
        job.train().seed(),
        feed.cursor(done),
        identity,
        job.model(),
        sourceConfig,
        SpecJson.write(plan));
  }
}
