using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>Replies of the house that the wire itself never gives.</summary>
static class IntakeReplies
{
    public static readonly Reply HeaderTooLarge =
        new(552, new(5, 3, 4), "Message header section is too large");

    public static readonly Reply SenderNotOwned =
        new(550, new(5, 7, 1), "Sender address rejected: not owned by this account");

    public static readonly Reply AuthorNotOwned =
        new(550, new(5, 7, 1), "From or Sender field rejected: not owned by this account");

    public static readonly Reply MailLoop =
        new(554, new(5, 4, 6), "Mail is looping: it was delivered here before");

    /// <summary>The store did not take it: a full disk is said to be one.</summary>
    public static Reply NotStored(StoreHealth health) =>
        health == StoreHealth.Full ? Replies.InsufficientStorage : Replies.LocalError;
}
