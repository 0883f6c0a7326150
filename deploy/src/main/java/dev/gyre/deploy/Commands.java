package dev.gyre.deploy;

import dev.gyre.deploy.command.DoctorCommand;
import dev.gyre.deploy.command.GenerateCommand;
import dev.gyre.deploy.command.GoldenCommand;
import dev.gyre.deploy.command.PlanCommand;
import dev.gyre.deploy.command.SchemaCommand;
import dev.gyre.deploy.command.VersionCommand;
import dev.gyre.deploy.command.bench.BenchCommand;
import dev.gyre.deploy.command.checkpoint.CheckpointCommand;
import dev.gyre.deploy.command.data.DataCommand;
import dev.gyre.deploy.command.train.TrainCommand;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine;

/**
 * The commands below {@code gyre}, by name. Reading the options of all commands takes half a second
 * of CPU time, so a call that names a command reads only its options.
 */
final class Commands {
  private static final Map<String, Class<?>> ALL = new LinkedHashMap<>();

  static {
    ALL.put("train", TrainCommand.class);
    ALL.put("plan", PlanCommand.class);
    ALL.put("generate", GenerateCommand.class);
    ALL.put("data", DataCommand.class);
    ALL.put("checkpoint", CheckpointCommand.class);
    ALL.put("bench", BenchCommand.class);
    ALL.put("golden", GoldenCommand.class);
    ALL.put("doctor", DoctorCommand.class);
    ALL.put("schema", SchemaCommand.class);
    ALL.put("version", VersionCommand.class);
  }

  private static final String HELP = "help";

  private Commands() {}

  /** Adds all commands, for help and suggestions. */
  static void addAll(CommandLine line) {
    ALL.forEach(line::addSubcommand);
    line.addSubcommand(HELP, CommandLine.HelpCommand.class);
  }

  /** Adds the command that the first argument names, or all if it names none. */
  static void addNamed(CommandLine line, String[] arguments) {
    Class<?> named = arguments.length == 0 ? null : ALL.get(arguments[0]);
    if (named == null) {
      addAll(line);
    } else {
      line.addSubcommand(arguments[0], named);
    }
  }
}
