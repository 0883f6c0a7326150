package dev.gyre.integration;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A checkout with this one's launcher scripts. Its Maven packages the classes of this process
 * instead of compiling, so that the scripts build a real distribution within a second.
 */
final class Checkout {
  private static final Path ROOT = Path.of(System.getProperty("gyre.home"));
  private static final Path SCRIPTS = Path.of("deploy", "src", "main", "dist");
  private static final Path ARGUMENTS =
      Path.of("deploy/src/main/resources/dev/gyre/deploy/launch/jvm.args");

  /**
   * Class path entries that a distribution lacks: those of tests, and libtorch, which is optional.
   */
  private static final List<String> NOT_OURS =
      List.of(
          "test-classes", "junit", "archunit", "opentest4j", "apiguardian", "surefire", "torch");

  private final Path folder;
  private final Map<String, String> environment = new TreeMap<>();

  private Checkout(Path folder) {
    this.folder = folder;
    environment.put("PATH", System.getenv("PATH"));
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("LC_ALL", "C.UTF-8");
  }

  /**
   * @param folder of the checkout; a JDK, jars and the like go beside it
   */
  static Checkout create(Path folder) throws IOException, InterruptedException {
    Checkout made = new Checkout(folder);
    copy(Path.of("gyre"), folder);
    copy(SCRIPTS.resolve("gyre"), folder);
    copy(SCRIPTS.resolve("environment.sh"), folder);
    copy(ARGUMENTS, folder);
    made.write("pom.xml", "<project/>\n");
    made.write("deploy/pom.xml", "<project/>\n");
    made.write("worker/kernels-torch/pom.xml", "<pytorch.version>9</pytorch.version>\n");
    made.write("deploy/src/main/java/App.java", "class App {}\n");
    made.write(".mvn/jvm.config", "");
    Path jars = jars(folder.resolveSibling("jars"));
    made.write(
        "mvnw",
        """
        #!/bin/sh
        echo "maven $*"
        mkdir -p deploy/target/lib worker/kernels-torch/target/lib
        cp '%1$s'/gyre-deploy*.jar deploy/target/
        cp '%1$s'/*.jar deploy/target/lib/
        rm deploy/target/lib/gyre-deploy*.jar
        touch worker/kernels-torch/target/gyre-kernels-torch.jar worker/kernels-torch/target/lib/torch.jar
        """
            .formatted(jars));
    if (!folder.resolve("mvnw").toFile().setExecutable(true)) {
      throw new IOException("mvnw cannot be made executable");
    }
    return made;
  }

  private static void copy(Path file, Path to) throws IOException {
    Files.createDirectories(to.resolve(file).getParent());
    Files.copy(ROOT.resolve(file), to.resolve(file));
  }

  /** This process's class path, as jars. */
  private static Path jars(Path to) throws IOException, InterruptedException {
    Files.createDirectories(to);
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path path = Path.of(entry);
      if (NOT_OURS.stream().anyMatch(entry::contains)) {
        continue;
      }
      if (Files.isDirectory(path)) {
        // MODULE/target/classes, if the build has not made a jar yet.
        Path jar = to.resolve("gyre-" + path.getParent().getParent().getFileName() + ".jar");
        run(List.of(tool("jar"), "-cf", jar.toString(), "-C", entry, "."));
      } else if (Files.isRegularFile(path)) {
        Files.copy(path, to.resolve(path.getFileName()));
      }
    }
    return to;
  }

  private static String tool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  private static void run(List<String> line) throws IOException, InterruptedException {
    if (new ProcessBuilder(line).inheritIO().start().waitFor() != 0) {
      throw new IOException(String.join(" ", line) + " failed");
    }
  }

  void write(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    Files.writeString(folder.resolve(name), text);
  }

  /** Sets an environment variable of all later commands; null unsets it. */
  Checkout with(String variable, String value) {
    if (value == null) {
      environment.remove(variable);
    } else {
      environment.put(variable, value);
    }
    return this;
  }

  /** Whether builds record the classes loaded at a start, which takes a run; off by default. */
  void recordClasses(boolean on) throws IOException {
    Path job = SCRIPTS.resolve("start.yaml");
    if (on) {
      copy(job, folder);
    } else {
      Files.delete(folder.resolve(job));
    }
  }

  /** Starts {@code ./gyre} in a folder. */
  Gyre start(Path in, List<String> arguments) throws IOException {
    List<String> line = new ArrayList<>();
    if (Gyre.interruptIgnored()) {
      line.addAll(List.of("env", "--default-signal=INT"));
    }
    line.add(folder.resolve("gyre").toString());
    line.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(line).directory(in.toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    return Gyre.of(builder);
  }

  Gyre.Ended run(Path in, String... arguments) throws Exception {
    try (Gyre gyre = start(in, List.of(arguments))) {
      return gyre.await();
    }
  }

  /** All builds. */
  List<Path> distributions() throws IOException {
    try (Stream<Path> all = Files.list(folder.resolve("deploy/target/dist"))) {
      return all.filter(entry -> Files.exists(entry.resolve("lock"))).toList();
    }
  }
}
