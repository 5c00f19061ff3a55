namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string UserRole { get; }
    public abstract string UserSince { get; }
    public abstract string UserSignsIn { get; }
    public abstract string UserSignsInBy(bool hasPassword);
    public abstract string UserPasswordMeans { get; }
    public abstract string UserAddTitle { get; }
    public abstract string UserManage { get; }
    public abstract string UserManageTitle(string name);
    public abstract string UserRemoveTitle { get; }
    public abstract string UserRemoveMeans { get; }
    public abstract string UserRemoveNow { get; }
    public abstract string UserNewPassword { get; }
    public abstract string UserNewPasswordNow { get; }
    public abstract string UserNewRole { get; }
    public abstract string UserNewRoleNow { get; }
    public abstract string UserLinkTitle { get; }
    public abstract string UserLinkMeans { get; }
    public abstract string UserLinkMake { get; }
    public abstract string LinkOnce { get; }
    public abstract string UsersNone { get; }
}
