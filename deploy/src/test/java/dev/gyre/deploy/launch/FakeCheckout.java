package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A fake checkout with the launcher scripts of this one, a few sources, a Maven that makes empty
 * jars, and a Java that only prints its arguments.
 */
final class FakeCheckout {
  private static final Path REAL = Path.of(System.getProperty("gyre.home"));
  private static final Path DIST = Path.of("deploy", "src", "main", "dist");
  private static final Path ARGUMENTS =
      Path.of("deploy/src/main/resources/dev/gyre/deploy/launch/jvm.args");

  /** How a command ended. */
  record Ended(int exit, String output) {}

  private final Path folder;
  private final Path jdk;
  private final Path calls;
  private final Map<String, String> environment = new TreeMap<>();

  private FakeCheckout(Path folder, Path outside) {
    this.folder = folder;
    this.jdk = outside.resolve("jdk");
    this.calls = outside.resolve("calls");
    environment.put("PATH", System.getenv("PATH"));
    environment.put("JAVA_HOME", jdk.toString());
    environment.put("HOME", outside.toString());
    environment.put("LC_ALL", "C.UTF-8");
    environment.put("CALLS", calls.toString());
  }

  /**
   * @param folder of the checkout
   * @param outside folder for files outside the checkout: a JDK, a home
   */
  static FakeCheckout create(Path folder, Path outside) throws IOException {
    FakeCheckout made = new FakeCheckout(folder, outside);
    Files.createDirectories(folder.resolve(DIST));
    Files.copy(REAL.resolve("gyre"), folder.resolve("gyre"));
    for (String name : List.of("gyre", "environment.sh")) {
      Files.copy(REAL.resolve(DIST).resolve(name), folder.resolve(DIST).resolve(name));
    }
    made.write(ARGUMENTS.toString(), "-Dfrom=jvm.args\n");
    for (String pom : List.of("pom.xml", "deploy/pom.xml", "worker/kernels-bench/pom.xml")) {
      made.write(pom, "<project/>\n");
    }
    made.write(".mvn/jvm.config", "");
    made.write("worker/kernels-torch/pom.xml", "<pytorch.version>9.8-7</pytorch.version>\n");
    made.write("deploy/src/main/java/App.java", "class App {}\n");
    script(made.jdk.resolve("bin/javac"), "");
    Files.writeString(made.jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
    // --create --file FILE --manifest MANIFEST
    script(made.jdk.resolve("bin/jar"), "cp \"$5\" \"$3\"");
    script(
        made.jdk.resolve("bin/java"),
        """
        for option; do
          case $option in -XX:ArchiveClassesAtExit=*) : >"${option#*=}" && exit ;; esac
        done
        echo "java $*"
        echo "LC_ALL=$LC_ALL HOME=$HOME GYRE_CACHE=$GYRE_CACHE TMPDIR=$TMPDIR"
        [ -z "${WAIT_FOR:-}" ] || { echo started; read -r line <"$WAIT_FOR"; }""");
    script(
        folder.resolve("mvnw"),
        """
        mkdir "$CALLS.busy" || echo "two at once" >>"$CALLS"
        echo "maven $*" >>"$CALLS"
        for module in deploy worker/kernels-torch worker/kernels-bench; do
          mkdir -p $module/target/lib
          : >$module/target/gyre-${module##*/}-1.jar
          : >$module/target/lib/dependency-2.jar
        done
        rmdir "$CALLS.busy"
        [ ! -e "$CALLS.fail" ] || { echo "[ERROR] it does not compile"; exit 1; }""");
    return made;
  }

  private static void script(Path file, String body) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    assertTrue(file.toFile().setExecutable(true));
  }

  void write(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    Files.writeString(folder.resolve(name), text);
  }

  Path folder() {
    return folder;
  }

  /** The same machine and user, with another checkout folder. */
  FakeCheckout at(Path other) {
    FakeCheckout moved = new FakeCheckout(other, calls.getParent());
    moved.environment.putAll(environment);
    return moved;
  }

  /** Sets an environment variable of all later commands; null unsets it. */
  FakeCheckout with(String variable, String value) {
    if (value == null) {
      environment.remove(variable);
    } else {
      environment.put(variable, value);
    }
    return this;
  }

  Process start(List<String> before, Path script, String... arguments) throws IOException {
    List<String> line = new ArrayList<>(before);
    line.addAll(List.of("/bin/sh", script.toString()));
    line.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(line).directory(calls.getParent().toFile()).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder.start();
  }

  static Ended ended(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  Ended run(String... arguments) throws IOException, InterruptedException {
    return ended(start(List.of(), folder.resolve("gyre"), arguments));
  }

  /** Runs the script, which must succeed, and returns what it and the scripts it calls print. */
  String gyre(String... arguments) throws IOException, InterruptedException {
    Ended ended = run(arguments);
    assertEquals(0, ended.exit, ended.output);
    return ended.output;
  }

  /** All Maven calls so far. */
  List<String> builds() throws IOException {
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  void failBuilds(boolean fail) throws IOException {
    Path file = Path.of(calls + ".fail");
    if (fail) {
      Files.createFile(file);
    } else {
      Files.delete(file);
    }
  }

  /** All builds, sorted by name. */
  List<Path> distributions() throws IOException {
    try (Stream<Path> all = Files.list(folder.resolve("deploy/target/dist"))) {
      return all.filter(entry -> Files.exists(entry.resolve("lock"))).sorted().toList();
    }
  }

  /** The only build. */
  Path distribution() throws IOException {
    List<Path> all = distributions();
    assertEquals(1, all.size(), all.toString());
    return all.getFirst();
  }
}
