using Postern.Mta.Events;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>The door of the HTTP API: takes mail for whatever an api route takes. Who may send as a domain is
/// decided in front of it.</summary>
public sealed class ApiDoor
{
    readonly MailIntake intake;
    readonly MessageQueue queue;
    readonly RelayHealth health;
    readonly Func<DoorSettings> current;

    internal ApiDoor(
        MailIntake intake, MessageQueue queue, RelayHealth health, Func<DoorSettings> current)
    {
        this.intake = intake;
        this.queue = queue;
        this.health = health;
        this.current = current;
    }

    /// <summary>What new mail is told while the store takes none. Null: it does.</summary>
    public Reply? Refusal => intake.Refusal;

    /// <summary>A request begins, with the trace that its headers name. Null: nobody wants to
    /// know.</summary>
    public SubmissionStart? Begin(string? traceParent, string? traceState) =>
        queue.Traces?.Begin(traceParent, traceState);

    /// <summary>Where the content of one message goes; the caller disposes of it.</summary>
    public ContentSink OpenContent() => intake.OpenSink();

    /// <summary>The id of the message that this content is going to be.</summary>
    public static QueueId IdOf(ContentSink content) => ((IntakeSink)content).Id;

    /// <summary>The content is whole: what it says of itself.</summary>
    public static ContentFacts Finish(ContentSink content)
    {
        var sink = (IntakeSink)content;
        var refusal = sink.Refusal ?? sink.Complete();
        return refusal is not null || sink.Header is not { } header
            ? new ContentFacts(refusal ?? IntakeReplies.HeaderTooLarge, [], 0, null, IsTorn: false)
            : new ContentFacts(null, header.Authors, header.FromCount, header.MessageId, header.IsTorn);
    }

    /// <summary>The recipient as it will be stored.</summary>
    /// <param name="listener">Its name, for routes.</param>
    /// <returns>Why it is not taken. Null: it is.</returns>
    public Reply? Admit(
        string listener, string domain, ReversePath sender, Mailbox mailbox, out NewRecipient? recipient)
    {
        recipient = null;
        var aliases = current().Aliases.Expand(mailbox);
        if (aliases is AliasExpansion.TooMuch)
            return Replies.TryLater;
        var targets = aliases is AliasExpansion.To to ? to.Targets : [];
        foreach (var target in targets.Count == 0 ? [mailbox] : targets)
        {
            if (queue.FindList(target) is { } list)
            {
                // A domain's own mail may go to its lists; another's is a stranger's.
                if (list.Stored.Access != ListAccess.Everyone && !queue.IsOf(list, domain))
                    return IntakeReplies.NoPoster(target);
                continue;
            }
            var question = new RoutingQuestion(sender, target, MailDoors.Api, domain, listener);
            if (Router.Decide(queue.Routes, question, health) is RoutingDecision.NoRoute)
                return Replies.NoRoute(target);
        }
        var path = new EnvelopeRecipient(new ForwardPath(mailbox), RcptParameters.None);
        recipient = new NewRecipient(path, targets, Held: false);
        return null;
    }

    /// <summary>What comes to it is read by members of a mailing list, whoever they are.</summary>
    public bool LeadsToList(NewRecipient recipient) => recipient.Aliases.Count > 0
        ? recipient.Aliases.Any(target => queue.FindList(target) is not null)
        : queue.FindList(recipient.Recipient.Path.Mailbox) is not null;

    /// <summary>Stores all of these messages or none of them.</summary>
    /// <returns>250 once they are on stable storage.</returns>
    public ValueTask<Reply> AcceptAsync(IReadOnlyList<ApiMail> mails, CancellationToken cancel)
    {
        var hostname = current().Options.Hostname;
        return intake.AcceptAsync(
            [.. mails.Select(mail => (RequestOf(mail, hostname), (IntakeSink)mail.Content))], cancel);
    }

    static IntakeRequest RequestOf(ApiMail mail, string hostname) => new(
        MailDoors.Api, hostname, mail.Sender, MailParameters.None, mail.Client, mail.Recipients,
        CheckAuthors: null)
    {
        Options = mail.Options,
        Author = mail.Author,
        Begun = mail.Begun,
        Objects = mail.Objects,
    };
}

/// <summary>What the header section of content says.</summary>
/// <param name="Refusal">What it is refused for. Null: it may be accepted.</param>
/// <param name="Authors">Bodies of From and Sender fields, in their order.</param>
/// <param name="MessageId">With its angle brackets. Null: there is none.</param>
/// <param name="IsTorn">A line in it is no field; other readers may take what follows for fields.</param>
public sealed record ContentFacts(
    Reply? Refusal, IReadOnlyList<string> Authors, int FromCount, string? MessageId, bool IsTorn);

/// <summary>A message at the door of the API.</summary>
/// <param name="Content">Of <see cref="ApiDoor.OpenContent"/>, written to its end.</param>
/// <param name="Recipients">As <see cref="ApiDoor.Admit"/> gave them.</param>
public sealed record ApiMail(
    ContentSink Content, ReversePath Sender, IReadOnlyList<NewRecipient> Recipients, ClientFacts Client,
    MailOptions Options)
{
    public ContentAuthor Author { get; init; }

    /// <summary>As <see cref="ApiDoor.Begin"/> gave it.</summary>
    public SubmissionStart? Begun { get; init; }

    /// <summary>What else is stored in the commit of the message.</summary>
    public IReadOnlyList<ObjectChange> Objects { get; init; } = [];
}
