@NullMarked
package dev.gyre.deploy.command.bench;

import org.jspecify.annotations.NullMarked;
