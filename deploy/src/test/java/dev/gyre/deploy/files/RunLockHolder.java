package dev.gyre.deploy.files;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Another process that takes the lock of a run, and holds it until this is closed. */
public final class RunLockHolder implements AutoCloseable {
  private static final String TAKEN = "taken";

  private final Process process;
  private final String said;

  private RunLockHolder(Process process) throws IOException {
    this.process = process;
    this.said = String.valueOf(process.inputReader().readLine());
  }

  public static RunLockHolder start(RunFolder folder) throws IOException {
    return new RunLockHolder(
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                RunLockHolder.class.getName(),
                folder.path().toString())
            .redirectErrorStream(true)
            .start());
  }

  public boolean isTaken() {
    return said.equals(TAKEN);
  }

  /** Why the lock could not be taken. */
  public String said() {
    return said;
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  public static void main(String[] arguments) throws IOException {
    try (RunLock _ = RunLock.take(RunFolder.open(Path.of(arguments[0])))) {
      System.out.println(TAKEN);
      System.in.read();
    } catch (IOException refused) {
      System.out.println(refused.getMessage());
    }
  }
}
