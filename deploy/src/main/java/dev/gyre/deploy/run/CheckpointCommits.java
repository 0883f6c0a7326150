package dev.gyre.deploy.run;

import dev.gyre.comms.control.WrittenFile;
import dev.gyre.coordinator.CheckpointCommitter;
import dev.gyre.coordinator.WrittenCheckpoint;
import dev.gyre.trainer.checkpoint.CheckpointException;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.FileEntry;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Commits the files that the ranks have written as a checkpoint. */
final class CheckpointCommits implements CheckpointCommitter {
  private final CheckpointStore store;

  CheckpointCommits(CheckpointStore store) {
    this.store = store;
  }

  @Override
  public String commit(WrittenCheckpoint written) throws IOException {
    List<FileEntry> files = new ArrayList<>();
    for (List<WrittenFile> ofRank : written.files()) {
      for (WrittenFile file : ofRank) {
        files.add(new FileEntry(file.getName(), file.getBytes(), file.getSha256()));
      }
    }
    Manifest manifest =
        Manifest.parse(written.manifestJson(), "the manifest of step " + written.step());
    try {
      return store.commit(manifest.withFiles(files)).toString();
    } catch (CheckpointException damaged) {
      throw damaged;
    } catch (IOException e) {
      throw StorageException.of(Path.of(written.folder()), e);
    }
  }
}
