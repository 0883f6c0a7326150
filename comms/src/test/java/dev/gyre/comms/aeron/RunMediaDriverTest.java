package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import io.aeron.CncFileDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.MappedByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.agrona.IoUtil;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The run's folder is created, private to its user, has room for its files, and is removed. */
class RunMediaDriverTest {
  @TempDir Path parent;

  @Test
  void closingRemovesTheFolderAndWhatRanksLeftInIt() throws Exception {
    Path folder;
    try (RunMediaDriver driver = RunMediaDriver.launch(parent, "a-run.1", 2, false)) {
      folder = driver.folder();
      assertTrue(Files.exists(folder.resolve("driver").resolve("cnc.dat")));
      assertTrue(folder.getFileName().toString().contains("a-run.1"));
      Files.writeString(folder.resolve("epoch-0-rank-1-0.slab"), "left by a killed rank");
    }
    assertFalse(Files.exists(folder));
    try (var files = Files.list(parent)) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void aFolderThatCannotBeMadeIsNamed() {
    Path missing = parent.resolve("missing");
    IOException failed =
        assertThrows(IOException.class, () -> RunMediaDriver.launch(missing, "run", 2, false));
    assertTrue(String.valueOf(failed.getMessage()).contains(missing.toString()));
    assertThrows(
        IllegalArgumentException.class, () -> RunMediaDriver.launch(parent, "a/b", 2, false));
  }

  /** So many workers that no machine has room for their logs. */
  @Test
  void tooLittleRoomIsSaidBeforeAnythingIsStarted() throws Exception {
    int ranks = 20_000;
    long needed = RunMediaDriver.roomBytes(ranks, false);
    assertTrue(needed > Files.getFileStore(parent).getTotalSpace(), needed + " bytes fit here");
    IOException failed =
        assertThrows(IOException.class, () -> RunMediaDriver.launch(parent, "run", ranks, false));
    for (String part :
        List.of(
            parent.toString(),
            " MB are free",
            ranks + " workers need " + ((needed + (1 << 20) - 1) >> 20) + " MB",
            "--shm-size",
            "--workers")) {
      assertTrue(failed.getMessage().contains(part), failed.getMessage());
    }
    try (var files = Files.list(parent)) {
      assertEquals(List.of(), files.toList());
    }
  }

  private static long allocatedBytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      long blocks = 0;
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
        blocks += Long.parseLong(new String(stat.getInputStream().readAllBytes()).strip());
      }
      return 512 * blocks;
    }
  }

  /**
   * All memory of the driver and logs is allocated at the start, and is no more than was checked.
   */
  @Test
  void allPagesOfDriverAndLogsAreTakenAtTheStart() throws Exception {
    for (boolean udp : new boolean[] {false, true}) {
      try (AeronCluster cluster =
          udp
              ? AeronCluster.udp(2, AeronCluster.PATIENT)
              : AeronCluster.ipc(2, AeronCluster.PATIENT)) {
        long room = RunMediaDriver.roomBytes(2, udp);
        cluster.run(
            transport -> {
              long taken = allocatedBytes(cluster.folder());
              assertTrue(taken <= room, taken + " bytes of " + room);
              assertTrue(taken > room * 3 / 4, taken + " bytes of " + room);
              return true;
            });
      }
    }
  }

  /** With Aeron's default, 54 ranks on a host could not join by IPC, and 29 not by UDP. */
  @Test
  void everyLogHasItsCounters() throws Exception {
    for (boolean udp : new boolean[] {false, true}) {
      for (int ranks : new int[] {2, 5}) {
        try (AeronCluster cluster =
            udp
                ? AeronCluster.udp(ranks, AeronCluster.PATIENT)
                : AeronCluster.ipc(ranks, AeronCluster.PATIENT)) {
          AtomicInteger most = new AtomicInteger();
          cluster.run(
              transport -> {
                ProcessGroup all =
                    new ProcessGroup(
                        transport, IntStream.range(0, ranks).toArray(), Channel.CONTROL);
                all.sum(new double[1]);
                if (transport.rank() == 0) {
                  most.set(counters(cluster.folder()));
                }
                all.sum(new double[1]);
                return true;
              });
          long expected = RunMediaDriver.counters(ranks, udp);
          assertTrue(most.get() <= expected, most + " counters, planned " + expected);
          assertTrue(most.get() > expected / 2, most + " counters, planned " + expected);
        }
      }
    }
    assertTrue(
        RunMediaDriver.counters(AeronOptions.IPC.mostRanks(), false) < 1 << 18, "some 10 MB");
  }

  private static int counters(Path folder) {
    MappedByteBuffer file =
        IoUtil.mapExistingFile(folder.resolve("driver").resolve("cnc.dat").toFile(), "");
    try {
      DirectBuffer sizes = CncFileDescriptor.createMetaDataBuffer(file);
      int[] counters = {0};
      new CountersReader(
              CncFileDescriptor.createCountersMetaDataBuffer(file, sizes),
              CncFileDescriptor.createCountersValuesBuffer(file, sizes))
          .forEach((id, label) -> counters[0]++);
      return counters[0];
    } finally {
      IoUtil.unmap(file);
    }
  }

  @Test
  void nobodyElseCanLookIntoTheFolderOrItsFiles() throws Exception {
    try (AeronCluster cluster = AeronCluster.ipc(2, AeronCluster.PATIENT)) {
      cluster.run(
          transport -> {
            transport.allocate("data", 100_000);
            transport.send(1 - transport.rank(), Channel.CONTROL, 0, transport.allocate("a", 4));
            transport
                .receive(1 - transport.rank(), Channel.CONTROL, 0, transport.allocate("b", 4))
                .await();
            if (transport.rank() == 0) {
              try (Stream<Path> files = Files.walk(cluster.folder())) {
                for (Path file : files.toList()) {
                  assertEquals(
                      Files.isDirectory(file) ? "rwx------" : "rw-------",
                      PosixFilePermissions.toString(Files.getPosixFilePermissions(file)),
                      file.toString());
                }
              }
            }
            return true;
          });
    }
  }

  /** Aeron's timeouts include the time of a suspended machine, so they must be very long. */
  @Test
  void aeronsOwnTimeoutsEndNoRun() {
    assertTrue(RunMediaDriver.LIVENESS_NANOS >= TimeUnit.DAYS.toNanos(30));
  }

  /** The wall clock may be set by hours; then a rank would consider the driver dead. */
  @Test
  void theDriversHeartbeatIsOfAClockThatIsNeverSet() throws Exception {
    try (RunMediaDriver driver = RunMediaDriver.launch(parent, "run", 2, false)) {
      MappedByteBuffer file =
          IoUtil.mapExistingFile(driver.folder().resolve("driver").resolve("cnc.dat").toFile(), "");
      long heartbeat =
          new ManyToOneRingBuffer(
                  CncFileDescriptor.createToDriverBuffer(
                      file, CncFileDescriptor.createMetaDataBuffer(file)))
              .consumerHeartbeatTime();
      long age = AeronClocks.MONOTONIC.millis().time() - heartbeat;
      assertTrue(age >= 0 && age < TimeUnit.MINUTES.toMillis(1), age + " ms old");
      IoUtil.unmap(file);
    }
  }

  @Test
  void freePortsAreDistinct() {
    List<Integer> ports = UdpPorts.free(20, InetAddress.getLoopbackAddress());
    assertEquals(20, new HashSet<>(ports).size());
  }
}
