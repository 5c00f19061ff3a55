using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Api;

/// <summary>Who asks to be forgotten.</summary>
sealed partial class WebApi
{
    void MapAnonymise(WebApplication web) =>
        web.MapPost("/admin/v1/log/anonymise", AnonymiseAsync);

    async Task AnonymiseAsync(HttpContext context)
    {
        var order = await ReadBodyAsync(context, AdminJson.Default.AnonymiseOrder);
        if (order?.Address is not { Length: > 0 } text || !Mailbox.TryParse(text, out var address)
            || address.Domain.Length == 0)
        {
            await ErrorAsync(context, 400, "address is no address", "write user@domain");
            return;
        }
        var request = new AnonymiseRequest(address)
        {
            IsDryRun = order.DryRun,
            TakesSuppressions = order.Suppressions,
            TakesDeadLetters = order.DeadLetters,
        };
        if (await agent.Anonymiser.RunAsync(request, context.RequestAborted) is not { } report)
        {
            await ErrorAsync(
                context, 409, "somebody is being anonymised already", "ask again when that is done");
            return;
        }
        if (request.IsDryRun)
            OperatorNote.Drop(context);
        else
            OperatorNote.KeepSubject(context, report.Pseudonym!);
        await AnswerAsync(context, AnonymiseAnswer.Of(request, report), AdminJson.Default.AnonymiseAnswer);
    }
}

/// <summary>One address that is to be forgotten.</summary>
/// <param name="Suppressions">Its entries of suppression lists and its memberships of mailing lists go,
/// too.</param>
/// <param name="DeadLetters">Dead letters count as done.</param>
sealed record AnonymiseOrder(
    string Address, bool DryRun = false, bool Suppressions = false, bool DeadLetters = false);

/// <summary>What was done about it, or would be.</summary>
/// <param name="Pseudonym">Null: a dry run in a store that has made none yet.</param>
/// <param name="Notes">What is left, and why.</param>
sealed record AnonymiseAnswer(
    string? Pseudonym, bool DryRun, long EventsLooked, int EventsChanged, int Messages, int LeftInQueue,
    int LeftDeadLetters, int ContentsDropped, int Suppressions, int Memberships, bool SuppressionsKept,
    IReadOnlyList<string> Notes)
{
    public static AnonymiseAnswer Of(AnonymiseRequest request, AnonymiseReport report) => new(
        report.Pseudonym, request.IsDryRun, report.EventsLooked, report.EventsChanged, report.Messages,
        report.LeftInQueue, report.LeftDeadLetters, report.ContentsDropped, report.Suppressions,
        report.Memberships, !request.TakesSuppressions, [.. NotesOf(request, report)]);

    static IEnumerable<string> NotesOf(AnonymiseRequest request, AnonymiseReport report)
    {
        yield return "the log file holds old lines until it is rotated away";
        if (report.LeftInQueue > 0)
            yield return $"{report.LeftInQueue} messages are in the queue or held and were left as they are;"
                + " ask again when they are done";
        if (report.LeftDeadLetters > 0)
            yield return $"{report.LeftDeadLetters} messages are dead letters and were left as they are;"
                + " replay them, or ask with --dead-letters, which drops their content";
        if (!request.TakesSuppressions && report.Suppressions + report.Memberships > 0)
            yield return $"{report.Suppressions} entries of suppression lists and {report.Memberships}"
                + " memberships of mailing lists were kept; --suppressions takes them, too";
    }
}
