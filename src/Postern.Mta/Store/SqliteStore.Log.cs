using Microsoft.Extensions.Logging;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Store opened, epoch {Epoch}, in {Directory}")]
    partial void LogOpened(long epoch, string directory);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "The store failed, nothing is acknowledged until Postern is started again: {Error}")]
    partial void LogFailed(string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The disk is full: {Error}")]
    partial void LogFull(string error);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "New mail is refused: {FreeOctets} octets are free, the reserve is {Reserve}")]
    partial void LogReserveReached(long freeOctets, long reserve);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "New mail is taken again: {FreeOctets} octets are free")]
    partial void LogReserveLeft(long freeOctets);

    [LoggerMessage(Level = LogLevel.Error, Message = "A change was not stored: {Error}")]
    partial void LogRefused(string error);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Damaged, set aside in the store: {Kind} {Id} number {Number}: {Why}")]
    partial void LogDamaged(string kind, string id, long number, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "The sweep skips {QueueId}: {Error}")]
    partial void LogSweepSkipped(string queueId, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The checkpoint will be tried again: {Error}")]
    partial void LogCheckpointPostponed(string error);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Removed {Files} content files that no message names")]
    partial void LogOrphansRemoved(int files);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Content file {File} cannot be removed")]
    partial void LogFileLeft(string file);
}
