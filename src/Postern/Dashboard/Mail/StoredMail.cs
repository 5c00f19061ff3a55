using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Dashboard.Mail;

/// <summary>A message of ours whose content is still here, as it goes out.</summary>
sealed class StoredMail : IDisposable
{
    readonly StoredContent stored;

    StoredMail(StoredMessage message, StoredContent stored)
    {
        this.stored = stored;
        Message = message;
        Content = new EditedContent(message.Message, stored);
    }

    public StoredMessage Message { get; }

    public ContentSource Content { get; }

    /// <summary>Null: the message has left the queue, or its content has.</summary>
    /// <exception cref="ContentDamagedException">It is not what was stored.</exception>
    public static async ValueTask<StoredMail?> OpenAsync(
        MailTransferAgent agent, QueueId id, CancellationToken cancel) =>
        await agent.Store.ReadMessageAsync(id, cancel) is { } message
            && await agent.Store.OpenContentAsync(message.Message, cancel) is { } stored
            ? new StoredMail(message, stored) : null;

    public void Dispose() => stored.Dispose();
}
