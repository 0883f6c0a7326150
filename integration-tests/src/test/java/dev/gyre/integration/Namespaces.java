package dev.gyre.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Command prefixes that run a command in its own Linux namespaces, as a container does. If the
 * system does not allow namespaces, the test is skipped and says so.
 */
final class Namespaces {
  private static final Path UNSHARE = Path.of("/usr/bin/unshare");

  private Namespaces() {}

  /** With a tmpfs of that size mounted on the folder, which is gone when the command ends. */
  static List<String> withTmpfs(Path folder, String size) throws Exception {
    return allowed(mounting(folder, size, "exec \"$@\""));
  }

  /** The same, and at the end copies the folder's content to another one, which must not exist. */
  static List<String> withTmpfsCopiedTo(Path copy, Path folder, String size) throws Exception {
    withTmpfs(folder, size); // checks that it is allowed, and copies nothing
    return mounting(
        folder,
        size,
        "{ \"$@\"; status=$?; cp -a -- '%s' '%s'; exit $status; }".formatted(folder, copy));
  }

  private static List<String> mounting(Path folder, String size, String then) {
    String mount = "mount -t tmpfs -o size=%s tmpfs '%s'".formatted(size, folder);
    return List.of(
        "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount + " && " + then, "sh");
  }

  /**
   * With a new PID namespace, as in a container; when its first process ends, the others are
   * killed.
   */
  static List<String> withOtherPids() throws Exception {
    return allowed(
        List.of(
            "unshare",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc"));
  }

  private static List<String> allowed(List<String> before)
      throws IOException, InterruptedException {
    List<String> probe = new ArrayList<>(before);
    probe.add("true");
    assumeTrue(
        Files.isExecutable(UNSHARE) && new ProcessBuilder(probe).start().waitFor() == 0,
        "this system does not allow namespaces: " + before);
    return before;
  }
}
