using System.Net;
using Postern.Mta.Inbound;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Mail of other servers is checked, and verdicts say what becomes of it.</summary>
sealed partial class SmtpDoor
{
    /// <summary>Null: nothing is checked.</summary>
    public MailChecker? Checker { get; init; }

    /// <summary>Begun when the client connects. Null: it is not checked.</summary>
    static SessionChecks? ChecksOf(SessionFacts session) => GuestOf(session)?.Checks;

    SessionChecks? BeginChecks(SessionFacts session, IPAddress client, CancellationToken cancel)
    {
        var options = current().Options;
        var inbound = options.Inbound;
        return Checker is null
            || (inbound.Checks.Count == 0 && inbound.BlockLists.Count == 0 && !MailFilters.IsAny(inbound))
            ? null : new SessionChecks(
                Checker, client, Plain(session.Local.Address), inbound, options.Hostname, cancel);
    }

    async ValueTask<Reply> AcceptCheckedAsync(
        SessionChecks checks, IntakeRequest request, IntakeSink sink, CancellationToken cancel)
    {
        var id = sink.Id;
        request = request with
        {
            Client = request.Client with { Name = await checks.FindNameAsync().ConfigureAwait(false) },
            Examine = (content, inTime) => ExamineAsync(checks, request, id, content, inTime),
        };
        return await intake.AcceptAsync(request, sink, cancel).ConfigureAwait(false);
    }

    async ValueTask<Examination> ExamineAsync(
        SessionChecks checks, IntakeRequest request, QueueId id, StoredContent content,
        CancellationToken cancel)
    {
        var mail = new FilterQuestion(
            id, request.Client, request.Sender,
            [.. request.Recipients.Select(to => to.Recipient.Path.Mailbox)]);
        var letter = await checks.CompleteAsync(mail, content, cancel).ConfigureAwait(false);
        var (found, milters) = (letter.Checks, letter.Milters);
        var options = current().Options;
        // What comes back to a return path of ours has proved that it may. Whoever got mail of ours knows
        // such a path, and opens the door with it for nobody else.
        var isJudged = request.Recipients.Any(to => to.ReturnOf is null);
        if (isJudged && milters.Refusal is { } refusal)
            return new Examination(refusal, found, "", [], null);
        var rule = isJudged ? Verdicts.Find(
            options.Inbound.Verdicts, found, request.Sender, queue.Routes.Delimiter) : null;
        if (rule is not null)
            found = found with { Rule = rule.Name, Action = rule.Action };
        // What filters of this hop add belongs below our results and above where the mail came from.
        var taken = new Examination(
            null, found, AuthenticationResults.Compose(options.Hostname, found) + milters.Fields,
            HeaderEdits.Merge(letter.Forged.Concat(milters.Cuts)), isJudged ? milters.Quarantine : null);
        return rule?.Action switch
        {
            VerdictAction.Defer or VerdictAction.Reject =>
                new Examination(IntakeReplies.NotWanted(rule, found), found, "", [], null),
            VerdictAction.Tag => taken with
            {
                Fields = $"{CheckedMail.VerdictField}: {Replies.Clean(rule.Name, 64)}\r\n{taken.Fields}",
            },
            VerdictAction.Quarantine => taken with
            {
                Quarantine = $"verdict {rule.Name}: {Verdicts.Explain(rule, found).Text}",
            },
            _ => taken,
        };
    }
}
