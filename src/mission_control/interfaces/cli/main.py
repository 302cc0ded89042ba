"""The table of all commands. A new command is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from mission_control.interfaces.cli.command import Entry, LazyGroup

PROGRAM = "missionctl"
COMPLETION_VARIABLE = "_MISSIONCTL_COMPLETE"
_HERE = "mission_control.interfaces.cli"

TASK_COMMANDS: Mapping[str, Entry] = {
    "add": Entry(f"{_HERE}.task_add:add", "Put a task on the board, or many from a file."),
    "list": Entry(f"{_HERE}.task_list:list_tasks", "Show tasks: the unfinished ones, in the order of the queue."),
    "ready": Entry(f"{_HERE}.task_list:ready", "Show what could start now, first first."),
    "show": Entry(f"{_HERE}.task_show:show", "Show everything about a task, and why it does not run."),
    "logs": Entry(f"{_HERE}.task_logs:logs", "Show what an attempt printed, also while it runs."),
    "edit": Entry(f"{_HERE}.task_edit:edit", "Change a task."),
    "depend": Entry(f"{_HERE}.task_edit:depend", "Let a task wait for others."),
    "retry": Entry(f"{_HERE}.task_move:retry", "Put blocked, cancelled or done tasks back into the inbox."),
    "cancel": Entry(f"{_HERE}.task_cancel:cancel", "Cancel tasks and end what runs for them."),
    "approve": Entry(f"{_HERE}.task_move:approve", "Accept work that waits for review."),
    "reject": Entry(f"{_HERE}.task_talk:reject", "Send work that waits for review back with a comment."),
    "answer": Entry(f"{_HERE}.task_talk:answer", "Answer what blocks a task and put it back into the inbox."),
    "comment": Entry(f"{_HERE}.task_talk:comment", "Write into the thread of a task."),
    "move": Entry(f"{_HERE}.task_move:move", "Move tasks to another status, where a person may."),
    "delete": Entry(f"{_HERE}.task_edit:delete", "Remove tasks with their attempts and threads."),
    "wait": Entry(f"{_HERE}.task_wait:wait", "Wait until tasks have ended."),
}
AGENT_COMMANDS: Mapping[str, Entry] = {
    "add": Entry(f"{_HERE}.agent:add", "Let an agent join the squad."),
    "list": Entry(f"{_HERE}.agent:list_agents", "Show the squad."),
    "show": Entry(f"{_HERE}.agent:show", "Show one agent."),
    "edit": Entry(f"{_HERE}.agent:edit", "Change an agent."),
    "pause": Entry(f"{_HERE}.agent:pause", "Let agents start nothing more; what runs goes on."),
    "resume": Entry(f"{_HERE}.agent:resume", "Let paused agents take tasks again."),
    "remove": Entry(f"{_HERE}.agent:remove", "Take agents out of the squad; their history stays."),
}
RUNNER_COMMANDS: Mapping[str, Entry] = {
    "list": Entry(f"{_HERE}.runner:list_runners", "Show what drives agents, and whether its program is there."),
    "show": Entry(f"{_HERE}.runner:show", "Show one runner: what it can do, and what it needs."),
    "test": Entry(f"{_HERE}.runner:test", "Try a runner out: program, version, and one short question."),
}
SERVICE_COMMANDS: Mapping[str, Entry] = {
    "show": Entry(f"{_HERE}.service:show", "Show what the service would be, and how what is installed differs."),
    "install": Entry(f"{_HERE}.service:install", "Let systemd or launchd keep the dispatcher running."),
    "remove": Entry(f"{_HERE}.service:remove", "End the service and take it away."),
}
CRON_COMMANDS: Mapping[str, Entry] = {
    "show": Entry(f"{_HERE}.cron:show", "Show what stands in the crontab, what is missing, and the next heartbeats."),
    "install": Entry(f"{_HERE}.cron:install", "Write or renew the block: a line for each agent."),
    "remove": Entry(f"{_HERE}.cron:remove", "Take the block out, or the lines of some agents."),
    "rollback": Entry(f"{_HERE}.cron:rollback", "Put a saved copy of the whole crontab back."),
}
BACKUP_COMMANDS: Mapping[str, Entry] = {
    "make": Entry(f"{_HERE}.backup:make", "Copy the mission while everything runs; meant where no command is named."),
    "list": Entry(f"{_HERE}.backup:list_backups", "Show the backups."),
}
COMMANDS: Mapping[str, Entry] = {
    "init": Entry(f"{_HERE}.init:init", "Make a mission."),
    "demo": Entry(f"{_HERE}.demo:demo", "Show a squad at work on real small tasks."),
    "task": Entry(f"{_HERE}.main:task", "Everything about tasks."),
    "agent": Entry(f"{_HERE}.main:agent", "Everything about agents."),
    "runner": Entry(f"{_HERE}.main:runner", "What drives the programs of agents."),
    # What is done all day also goes without its noun.
    "add": TASK_COMMANDS["add"],
    "ls": TASK_COMMANDS["list"],
    "show": TASK_COMMANDS["show"],
    "ready": TASK_COMMANDS["ready"],
    "retry": TASK_COMMANDS["retry"],
    "cancel": TASK_COMMANDS["cancel"],
    "heartbeat": Entry(f"{_HERE}.heartbeat:heartbeat", "Wake agents up: recover, claim what is ready, start it."),
    "run": Entry(f"{_HERE}.run:run", "Execute one task now, in this terminal."),
    "up": Entry(f"{_HERE}.up:up", "Stay and give heartbeats: when due, and at once when work arrives."),
    "down": Entry(f"{_HERE}.down:down", "End the resident process; what runs goes on, or as asked."),
    "pause": Entry(f"{_HERE}.pause:pause", "Let nobody start anything; what runs goes on."),
    "resume": Entry(f"{_HERE}.pause:resume", "Let the squad start tasks again."),
    "status": Entry(f"{_HERE}.status:status", "Show machines, agents, and what runs; 7 when somebody should look."),
    "top": Entry(f"{_HERE}.top:top", "Watch the squad at work, live."),
    "stats": Entry(f"{_HERE}.stats:stats", "Show executions, success, waits, durations and cost."),
    "logs": Entry(f"{_HERE}.logs:logs", "Show the log lines of agents, or what an attempt printed."),
    "events": Entry(f"{_HERE}.events:events", "Show what has happened, and what happens now."),
    "service": Entry(f"{_HERE}.main:service", "The dispatcher as a service of this machine."),
    "cron": Entry(f"{_HERE}.main:cron", "Let cron give the heartbeats."),
    "doctor": Entry(f"{_HERE}.doctor:doctor", "Check the mission, and mend what can be mended safely."),
    "backup": Entry(f"{_HERE}.main:backup", "Copy the mission while everything runs, and see the copies."),
    "restore": Entry(f"{_HERE}.restore:restore", "Put a backup back, all of it or nothing."),
    "import": Entry(f"{_HERE}.import_:import_", "Take over the JSON folder of the old system."),
    "export": Entry(f"{_HERE}.export:export", "Write the board as the JSON folder of the old system."),
    "completion": Entry(f"{_HERE}.completion:completion", "Print the completion script of a shell."),
    "version": Entry(f"{_HERE}.version:version", "Show which program this is."),
}

root = LazyGroup(
    PROGRAM,
    table=COMMANDS,
    no_args_is_help=True,
    help="Mission Control: tasks on a board, and a squad of agents that executes them.\n\n"
    "Start with: missionctl init my-mission --squad demo",
)
task = LazyGroup("task", table=TASK_COMMANDS, no_args_is_help=True, help=COMMANDS["task"].summary)
agent = LazyGroup("agent", table=AGENT_COMMANDS, no_args_is_help=True, help=COMMANDS["agent"].summary)
runner = LazyGroup("runner", table=RUNNER_COMMANDS, no_args_is_help=True, help=COMMANDS["runner"].summary)
service = LazyGroup("service", table=SERVICE_COMMANDS, no_args_is_help=True, help=COMMANDS["service"].summary)
cron = LazyGroup("cron", table=CRON_COMMANDS, no_args_is_help=True, help=COMMANDS["cron"].summary)
backup = LazyGroup("backup", table=BACKUP_COMMANDS, default="make", help=COMMANDS["backup"].summary)
