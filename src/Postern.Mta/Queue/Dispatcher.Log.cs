using Microsoft.Extensions.Logging;

namespace Postern.Mta.Queue;

public sealed partial class Dispatcher
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Lane {Lane} closed: {Reply}")]
    partial void LogLaneClosed(string lane, string reply);

    [LoggerMessage(Level = LogLevel.Information, Message = "Lane {Lane} opened")]
    partial void LogLaneOpened(string lane);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "An attempt for {QueueId} by {Transport} ended in an internal error")]
    partial void LogAttemptFailed(Exception bug, QueueId queueId, string transport);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The result of an attempt for {QueueId} by {Transport} could not be recorded")]
    partial void LogResultLost(Exception bug, QueueId queueId, string transport);

    [LoggerMessage(Level = LogLevel.Error, Message = "The dispatcher met an internal error and goes on")]
    partial void LogPumpFailed(Exception bug);
}
