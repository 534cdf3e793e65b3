/** What people see of a training: progress on the screen, and the metrics file. */
package dev.panhead.trainer.report;
