package dev.gyre.comms.aeron;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** A process that sweeps, creates a folder, prints its path and stays alive: {@code parent run}. */
final class SharedFolderOwner {
  private SharedFolderOwner() {}

  public static void main(String[] args) throws Exception {
    Path parent = Path.of(args[0]);
    SharedFolder.sweep(parent);
    try (SharedFolder folder = SharedFolder.create(parent, args[1])) {
      Files.writeString(folder.path().resolve("epoch-0-rank-0-0.slab"), "x");
      System.out.println(folder.path());
      new CountDownLatch(1).await();
    }
  }
}
