package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transport;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Rank 1 of two, in its own process: answers a message of rank 0 with every byte doubled, then
 * waits for one more message until its deadline.
 */
final class RankProcess {
  static final int BYTES = 1 << 20;
  private static final long DEADLINE_NANOS = 60_000_000_000L;

  private RankProcess() {}

  static Process start(Path folder) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx64m",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "--add-opens",
            "java.base/jdk.internal.misc=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            RankProcess.class.getName(),
            folder.toString()));
    return new ProcessBuilder(command).inheritIO().start();
  }

  static AeronOptions options(int rank, String folder) {
    return AeronOptions.ipc("processes", 0, rank, 2, Path.of(folder), DEADLINE_NANOS);
  }

  public static void main(String[] args) {
    try (Transport transport = AeronTransport.open(options(1, args[0]), _ -> {})) {
      MemorySegment data = transport.allocate("data", BYTES);
      transport.receive(0, Channel.SEQUENCE, 1, data).await();
      for (long i = 0; i < BYTES; i++) {
        byte value = data.get(ValueLayout.JAVA_BYTE, i);
        data.set(ValueLayout.JAVA_BYTE, i, (byte) (2 * value));
      }
      transport.send(0, Channel.SEQUENCE, 2, data).await();
      transport.receive(0, Channel.SEQUENCE, 3, data).await();
    }
  }
}
