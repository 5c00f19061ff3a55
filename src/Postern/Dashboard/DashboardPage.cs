using Microsoft.AspNetCore.Components;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>What every page knows: its visit. It loads what it shows in <c>OnInitializedAsync</c>, through
/// the read side of the store, and changes nothing.</summary>
public abstract class DashboardPage : ComponentBase
{
    [Parameter, EditorRequired] public required Visit Visit { get; set; }

    private protected Words W => Visit.Words;

    private protected MailTransferAgent Agent => Visit.Agent;
}
