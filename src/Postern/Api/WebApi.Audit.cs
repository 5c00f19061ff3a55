using Postern.Mta.Store;

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
        try
        {
            await agent.Queue.NoteOperatedAsync(note.Actor, note.What, note.Count);
        }
        catch (StoreException e)
        {
            // It is done all the same, and its answer must not say otherwise.
            LogNotNoted(e, note.Actor, note.What);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Actor} did {What}, which could not be noted")]
    partial void LogNotNoted(Exception e, string actor, string what);
}
