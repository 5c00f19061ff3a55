namespace Postern.Api;

/// <summary>What operators do is noted, once, after it was done.</summary>
sealed partial class WebApi
{
    /// <summary>Who asks.</summary>
    static string ActorOf(HttpContext context) =>
        OperatorNote.ReadActor(context.Request.Headers[OperatorNote.ActorHeader].ToString());

    Task NoteWhatIsDoneAsync(HttpContext context, RequestDelegate next)
    {
        // It is noted by the time anybody has the answer.
        if (OperatorNote.Of(context) is not null)
            context.Response.OnStarting(() => NoteAsync(context));
        return next(context);
    }

    async Task NoteAsync(HttpContext context)
    {
        if (context.Response.StatusCode is < 200 or > 299 || OperatorNote.Of(context) is not { } note)
            return;
        await Task.CompletedTask;
        LogDone(note.Actor, note.What, note.Count);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Actor} did {What}: {Count}")]
    partial void LogDone(string actor, string what, int? count);
}
